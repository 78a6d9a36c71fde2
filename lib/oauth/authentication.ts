import { createPrivateKey, type KeyObject, webcrypto } from "node:crypto";
import * as oauth from "oauth4webapi";
import type { Client, PrivateKey } from "./shapes.js";

/** How a client shows at an endpoint who it is (RFC 6749 section 2.3, RFC 7523 section 2.2). */
export async function authenticationOf(client: Client): Promise<oauth.ClientAuth> {
  const { authMethod, clientSecret = "", privateKey } = client;
  if (authMethod === "client_secret_basic") return basic(clientSecret);
  if (authMethod === "client_secret_post") return oauth.ClientSecretPost(clientSecret);
  if (authMethod === "private_key_jwt" && privateKey !== undefined) return await signed(privateKey);
  return oauth.None();
}

/**
 * RFC 6749 section 2.3.1 wants both form-encoded, and many servers do not decode. So only what the form encoding (WHATWG URL)
 * changes is encoded: usual ids and secrets are the same for both kinds of server.
 */
function basic(secret: string): oauth.ClientAuth {
  const encoded = (text: string): string => new URLSearchParams({ "": text }).toString().slice(1);
  return (_server, { client_id }, _body, headers) => {
    const pair = `${encoded(client_id)}:${encoded(secret)}`;
    headers.set("authorization", `Basic ${Buffer.from(pair).toString("base64")}`);
  };
}

const hashes: Readonly<Record<string, string>> = { "256": "SHA-256", "384": "SHA-384", "512": "SHA-512" };
const curves: Readonly<Record<string, readonly [alg: string, curve: string]>> = {
  prime256v1: ["ES256", "P-256"],
  secp384r1: ["ES384", "P-384"],
  secp521r1: ["ES512", "P-521"],
};

async function signed({ pem, alg: wanted, kid }: PrivateKey): Promise<oauth.ClientAuth> {
  const unusable = (why: string) => new TypeError(`the private key ${why}`);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // What OpenSSL says may quote the text.
    throw unusable("is no PEM of an unencrypted private key");
  }
  const curve = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
  const own = key.asymmetricKeyType === "rsa" ? "RS256" : key.asymmetricKeyType === "ed25519" ? "EdDSA" : curve?.[0];
  const alg = wanted ?? own;
  if (alg === undefined) throw unusable("is of a kind that no algorithm is known for");
  const algorithm = algorithmOf(alg, curve?.[1]);
  const der = key.export({ type: "pkcs8", format: "der" });
  const cryptoKey = await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]).catch(() => {
    throw unusable(`does not fit the algorithm "${alg}"`);
  });
  const name = (header: Record<string, unknown>): void => {
    header.alg = alg;
  };
  return oauth.PrivateKeyJwt(kid === undefined ? cryptoKey : { key: cryptoKey, kid }, {
    [oauth.modifyAssertion]: (header) => name(header),
  });
}

function algorithmOf(alg: string, curve: string | undefined): webcrypto.AlgorithmIdentifier & object {
  const hash = hashes[alg.slice(2)];
  if (alg === "EdDSA" || alg === "Ed25519") return { name: "Ed25519" };
  if (alg.startsWith("ES") && curve !== undefined)
    return { name: "ECDSA", namedCurve: curve } as webcrypto.EcKeyImportParams;
  if (hash !== undefined && /^[RP]S/.test(alg))
    return { name: alg.startsWith("RS") ? "RSASSA-PKCS1-v1_5" : "RSA-PSS", hash } as webcrypto.RsaHashedImportParams;
  throw new TypeError(`the private key cannot sign with "${alg}"`);
}
