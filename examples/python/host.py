"""A host: it waits for the session's MCP servers, sends a prompt, and prints the answer. `latchkey keep` runs beside the runtime.
Usage: host.py SESSION.json PROMPT, with ENDPOINT and TOKEN from `latchkey runtime env`."""
import atexit, collections, json, os, socket, subprocess, sys
from urllib.parse import urlsplit

runtime = urlsplit(os.environ["ENDPOINT"])
wire = socket.create_connection((runtime.hostname, runtime.port)).makefile("rwb")
early = collections.deque()  # Messages that came while a call waited for its reply.


def receive():
    head = wire.readline() or sys.exit("the runtime is gone")
    wire.readline()  # The runtime sends one header, Content-Length.
    return json.loads(wire.read(int(head.split(b":")[1])))


def request(method, **params):
    body = json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}).encode()
    wire.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    wire.flush()
    while "method" in (message := receive()) or message["id"] != method:
        early.append(message)
    return message["result"] if "result" in message else sys.exit(f"{method}: {message['error']['message']}")


def events():
    while True:
        said = (early.popleft() if early else receive()).get("params", {})
        if said.get("sessionId") == session and "event" in said:
            yield said["event"]["type"], said["event"]["data"]


request("connect", token=os.environ["TOKEN"])
params = json.load(open(sys.argv[1]))
session = request("session.create", **params)["sessionId"]
request("session.eventLog.registerInterest", sessionId=session, eventType="mcp.oauth_required")
atexit.register(subprocess.Popen(["latchkey", "ls", "--watch", "--session", session]).kill)  # What waits, for people.
heard, missing = events(), set(params.get("mcpServers", {}))
while missing:
    kind, data = next(heard)
    if kind == "session.mcp_server_status_changed" and data["status"] == "connected":
        missing.discard(data["serverName"])
request("session.send", sessionId=session, prompt=sys.argv[2])
for kind, data in heard:
    if kind == "session.idle":
        break
    if kind == "assistant.message":
        print(data["content"], flush=True)
