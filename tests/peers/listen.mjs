// Lets a server of npm listen on 127.0.0.1 and a port that is free, whatever
// port it wants, and prints the port on stderr.
//
//   node listen.mjs MODULE
import { Server } from "node:http";

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  const ready = rest.find((argument) => typeof argument === "function");
  return listen.call(this, 0, "127.0.0.1", () => {
    console.error(`listening on ${this.address().port}`);
    ready?.();
  });
};
await import(process.argv[2]);
