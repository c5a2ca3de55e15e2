// Carries HTTP requests to the gateway module and its answers back: `pulumi stack export --show-secrets | node web.mjs [PORT]`.
// It has the deployer's key, which it reads from standard input and keeps in memory alone; it decides nothing.
import http from "node:http";
import { json } from "node:stream/consumers";
import { DeployedStack } from "pulumi-authentic/stack";

const stack = DeployedStack.fromExport(await json(process.stdin));

/** The gateway reads the request line alone, so that is all it gets. @type {http.RequestListener} */
const carry = (request, response) => {
    const line = `${request.method ?? ""} ${request.url ?? ""} HTTP/1.1\r\n\r\n`;
    request.resume();
    stack.request("http", Buffer.from(line)).then(
        (answer) => response.socket?.end(answer),
        (/** @type {Error} */ error) => response.writeHead(502).end(`${error.message}\n`),
    );
};

const server = http.createServer(carry);
server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
    const address = server.address();
    console.log(`http://127.0.0.1:${typeof address === "object" ? String(address?.port) : ""}/`);
});
