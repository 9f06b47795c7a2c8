"""OVO's side, in a process of its own: none of its work is counted."""

import json
import resource
import subprocess
import urllib.request

from . import build


class Sandbox:
    def __init__(self, name, *options):
        self.ca = str(build.DATA / f"{name}.pem")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Each waiting payment costs a descriptor here as well; children inherit the limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        command = [build.SANDBOX, "--https", "--quiet", "--ca-file", self.ca, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first = json.loads(self.process.stdout.readline())
        self.url = first["https_url"].rstrip("/") + "/pos"
        self.control_url = first["control_url"].rstrip("/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def control(self, path, post=False):
        request = urllib.request.Request(
            self.control_url + path, data=b"" if post else None, method="POST" if post else "GET"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def forget(self):
        """Empty books: every program may use the same numbers and invoices."""
        self.control("/reset", post=True)
