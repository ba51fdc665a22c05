"""A real S3 server on loopback."""

import threading
from contextlib import contextmanager

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


@contextmanager
def s3_server(around=lambda app: app):
    """Serve S3; one request at a time, since moto checks a condition and writes in two steps.

    `around` wraps the WSGI application, to imitate stores with other habits.
    """
    app = around(DomainDispatcherApplication(create_backend_app))
    turn = threading.Lock()

    def one_by_one(environ, respond):
        with turn:
            return list(app(environ, respond))

    server = make_server("127.0.0.1", 0, one_by_one, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
