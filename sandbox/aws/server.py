"""The AWS sandbox server: one loopback HTTP endpoint for every service we call."""

import contextlib
import logging
import socket
import threading
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

# The patches of moto: importing a module applies it.
from sandbox.aws import ec2_groups, ec2_images, ec2_run, ec2_types, gaps, world  # noqa: F401
from sandbox.aws.front import Front
from sandbox.aws.world import Delays, World
from sandbox.faults import Faults

_LOOPBACK = "127.0.0.1"


class AwsServer:
    """A double of AWS for loopback; state is in memory and gone after ``stop``.

    Only one can run in a process at a time, because moto's state is global.
    """

    def __init__(
        self, access_key_id: str, secret_access_key: str, delays: Delays | None = None
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.faults = Faults()
        self._delays = delays or Delays()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[socket.socket] = set()

    def start(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one."""
        here = World(self._delays)
        world.enter(here)
        try:
            BackendDict.reset()
            reset_model_data()
            moto_app = DomainDispatcherApplication(create_backend_app)
            front = Front(moto_app, here, self.faults, self.access_key_id, self.secret_access_key)
            self._server = make_server(
                _LOOPBACK, port, front, threaded=True, request_handler=self._handler()
            )
        except BaseException:
            world.leave()
            raise
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint_url(self) -> str:
        """What to give boto3 as ``endpoint_url``, for every service."""
        if self._server is None:
            raise RuntimeError("the AWS sandbox server is not running")
        return f"http://{_LOOPBACK}:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening and cut the connections that are kept alive."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for connection in list(self._connections):
            # An OSError says that the client has gone already.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server = self._thread = None
        world.current().consoles.close()
        world.leave()

    def _handler(self) -> type[WSGIRequestHandler]:
        connections = self._connections

        class Handler(WSGIRequestHandler):
            """Keeps connections alive, and says nothing."""

            protocol_version = "HTTP/1.1"
            # Headers and body are two writes; Nagle would hold the second for 40 ms.
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                connections.add(self.connection)

            def finish(self) -> None:
                connections.discard(self.connection)
                super().finish()

            def log(self, type: str, message: str, *args: Any) -> None:
                logging.getLogger(__name__).debug(message, *args)

        return Handler
