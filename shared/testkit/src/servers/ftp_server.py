# An FTP server of pyftpdlib: ROOT CERTIFICATE ADDRESS PORT DATA_PORTS plain|explicit|implicit USER PASSWORD [NAMED]
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

root, certificate, address, port, count, mode, user, password, *named = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, root, perm="elr")
authorizer.add_anonymous(root)


def ftp_SIZE(self, path):
    if os.path.basename(path).startswith("lies"):
        self.respond("213 %d" % (os.path.getsize(path) + 1000))
        return None
    return FTPHandler.ftp_SIZE(self, path)


class Plain(FTPHandler):
    pass


class Explicit(TLS_FTPHandler):
    certfile = certificate
    tls_control_required = True
    tls_data_required = True


class Implicit(TLS_FTPHandler):
    certfile = certificate

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.secure_connection(self.ssl_context)
        self._pbsz = True
        self._prot = True

    def handle(self):
        pass

    def handle_ssl_established(self):
        FTPHandler.handle(self)


handler = {"plain": Plain, "explicit": Explicit, "implicit": Implicit}[mode]
handler.authorizer = authorizer
handler.ftp_SIZE = ftp_SIZE
handler.auth_failed_timeout = 0
handler.passive_ports = range(int(port) + 1, int(port) + 1 + int(count))
if named:
    handler.masquerade_address = named[0]
if mode != "plain":
    handler.ssl_context = handler.get_ssl_context()
server = FTPServer((address, int(port)), handler)
# What only root may read is not for anybody who asks.
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
server.serve_forever()
