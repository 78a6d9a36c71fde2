"""A broker for machine-to-machine tokens, which also permits what only reads. Usage: broker.py [OPTION OF latchkey broker ...]
It has the ledger alone; CLIENT_ID and CLIENT_SECRET are its own. `latchkey broker` runs this file again for each request."""
import base64, json, os, shlex, sys
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

LEAVE = 75  # Not for this broker, or not now. 77 would cancel the request.


def token(data):
    """RFC 6749 section 4.4, at the authorization server that the MCP server names. Only this one gets the secret."""
    resource = json.loads(data.get("resourceMetadata", "{}"))
    issuer = next((url for url in resource.get("authorization_servers", []) if url == os.environ["ISSUER"]), None)
    if issuer is None:
        sys.exit(LEAVE)
    about = urlsplit(issuer)
    metadata = f"{about.scheme}://{about.netloc}/.well-known/oauth-authorization-server{about.path.rstrip('/')}"
    server = json.load(urlopen(metadata, timeout=10))
    if server["issuer"] != issuer:
        sys.exit(LEAVE)
    scope = data.get("wwwAuthenticateParams", {}).get("scope")
    form = {"grant_type": "client_credentials", "resource": resource["resource"], **({"scope": scope} if scope else {})}
    client = ":".join(quote(os.environ[name], safe="") for name in ("CLIENT_ID", "CLIENT_SECRET"))
    headers = {"Authorization": "Basic " + base64.b64encode(client.encode()).decode()}
    granted = json.load(urlopen(Request(server["token_endpoint"], urlencode(form).encode(), headers), timeout=10))
    return {"kind": "token", "accessToken": granted["access_token"], "expiresIn": granted.get("expires_in")}


if sys.argv[1:] == ["--answer"]:
    asked = json.load(sys.stdin)
    if asked["kind"] == "mcp.oauth_required":
        print(json.dumps(token(asked["data"])))
    elif asked["data"]["permissionRequest"]["kind"] == "read":
        print(json.dumps({"kind": "approve-once"}))
    else:
        sys.exit(LEAVE)
else:
    command = shlex.join([sys.executable, os.path.abspath(__file__), "--answer"])
    kinds = ["--kind", "mcp.oauth_required", "--kind", "permission.requested"]
    os.execvp("latchkey", ["latchkey", "broker", "--exec", command, *kinds, *sys.argv[1:]])
