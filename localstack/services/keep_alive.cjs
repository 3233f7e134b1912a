// Azurite ends a connection that was idle for five seconds, also in the moment in which a client sends its next request, which
// then fails: on a busy machine that meets tests in which nothing is to fail. Its option for that has no effect in 3.35.0. So
// every server here keeps its connections for as long as the client does.
const { Server } = require("net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (...where) {
  this.keepAliveTimeout = 0;
  return listen.apply(this, where);
};
