"""The registry over gRPC, as a stranger: stubs made of what reflection says, and of the proto files.

Usage: grpc_stubs.py HOST:PORT OPERATOR_TOKEN PROTO_FOLDER OUT_FOLDER
Prints one line of JSON a step; any failure ends it.
"""

import importlib
import json
import pathlib
import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_tools import protoc

SERVICE = "ecumene.registry.v1.Directory"
RECORD = {
    "schema": "pilox-registry-record-v1",
    "handle": "urn:pilox:agent:grpc",
    "updatedAt": "2026-03-20T12:00:00Z",
    "agentCardUrl": "https://a.example/card.json",
}


def say(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def details(error):
    """What stands in `grpc-status-details-bin`, by the names of google.rpc."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found = {"code": trailers["ecumene-code"]}
    for each in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            value = kind()
            if each.Unpack(value):
                found[kind.__name__] = value
    return found


def by_reflection(channel, operator):
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service = pool.FindServiceByName(SERVICE)

    def call(name, metadata=(), **members):
        method = service.FindMethodByName(name)
        request = message_factory.GetMessageClass(method.input_type)(**members)
        answer = message_factory.GetMessageClass(method.output_type)
        stub = channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return stub(request, metadata=metadata, timeout=20)

    document = json.dumps(RECORD).encode()
    record = call("PutRecord", operator, document=document)
    assert record.document == document, record
    found = call("GetRecord", handle=RECORD["handle"], consistency=1)
    assert found.document == document and found.digest == record.digest, found
    say("reflection", methods=len(service.methods), handle=found.handle, assurance=found.assurance)
    try:
        call("GetRecord", handle="a b")
        raise AssertionError("a handle with a blank was accepted")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        found = details(error)
        info, request = found["ErrorInfo"], found["BadRequest"]
        assert info.reason == "INVALID_ARGUMENT" and info.metadata["code"] == found["code"], found
        say("details", code=found["code"], field=request.field_violations[0].field)


def by_proto_files(channel, operator, protos, out):
    files = sorted(str(path) for path in pathlib.Path(protos).glob("ecumene/registry/v1/*.proto"))
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    made = protoc.main(["protoc", f"-I{protos}", f"--python_out={out}", f"--grpc_python_out={out}", *files])
    assert made == 0, made
    sys.path.insert(0, out)
    wire = importlib.import_module("ecumene.registry.v1.directory_pb2")
    stubs = importlib.import_module("ecumene.registry.v1.directory_pb2_grpc")
    directory = stubs.DirectoryStub(channel)
    listed = directory.ListRecords(wire.ListRequest(limit=10, consistency=1), timeout=20)
    assert RECORD["handle"] in listed.handles, listed
    watch = directory.Watch(
        wire.WatchRequest(kinds=["record"], prefix=RECORD["handle"]), metadata=operator, timeout=20
    )
    change = next(iter(watch))
    assert change.id == RECORD["handle"] and not change.deleted, change
    watch.cancel()
    done = directory.DeleteRecord(
        wire.DeleteRecordRequest(handle=RECORD["handle"]), metadata=operator, timeout=20
    )
    assert done.revision > change.revision, done
    try:
        directory.GetRecord(wire.GetRecordRequest(handle=RECORD["handle"], consistency=1), timeout=20)
        raise AssertionError("a deleted record was found")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        say("files", deleted=done.revision, then=details(error)["code"])


def main():
    address, token, protos, out = sys.argv[1:]
    operator = (("authorization", f"Bearer {token}"),)
    with grpc.insecure_channel(address) as channel:
        by_reflection(channel, operator)
        by_proto_files(channel, operator, protos, out)


if __name__ == "__main__":
    main()
