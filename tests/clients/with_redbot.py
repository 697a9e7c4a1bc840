"""What REDbot finds: with_redbot.py URL PATH... [--gzip PATH...]

Each resource has to support validation and ranges, those after --gzip also negotiation, and no
reply, nor one that REDbot asks for to try these, may have a note of the level bad or warning.
"""

import sys
from configparser import ConfigParser

import thor
from httplint.note import levels
from redbot.resource import HttpResource

url, *paths = sys.argv[1:]
config = ConfigParser()
config.read_dict({"redbot": {"enable_local_access": "True"}})


def examine(paths):
    """All at once: the loop of thor, stopped, forgets the connections that its client keeps."""
    resources = {}
    waiting = set(paths)
    for path in paths:
        resource = resources[path] = HttpResource(config["redbot"])
        resource.set_request(url.rstrip("/") + path)

        def done(path=path):
            waiting.discard(path)
            if not waiting:
                thor.stop()

        resource.once("check_done", done)
        resource.check()
    thor.run()
    return resources


def faults(resource, negotiates):
    if not resource.response.complete:
        yield f"no reply: {resource.fetch_error}"
        return
    if resource.response.status_code != 200:
        yield f"the status is {resource.response.status_code}"
    replies = [resource, *resource.subreqs.values()]
    notes = {str(note): note for reply in replies for note in reply.response.notes}
    for note in notes.values():
        name = type(note).__name__
        if note.level in (levels.BAD, levels.WARN):
            yield f"{note.level.value}: {name}: {note.summary}"
    for what, supported in [
        ("If-None-Match", resource.inm_support),
        ("If-Modified-Since", resource.ims_support),
        ("Range", resource.partial_support),
        ("gzip", resource.gzip_support or not negotiates),
    ]:
        if not supported:
            yield f"{what} is not supported"


negotiated = paths[paths.index("--gzip") + 1 :] if "--gzip" in paths else []
found = [
    f"{path}: {fault}"
    for path, resource in examine([path for path in paths if path != "--gzip"]).items()
    for fault in faults(resource, path in negotiated)
]
if found:
    sys.exit("\n".join(found))
print("REDbot finds nothing bad")
