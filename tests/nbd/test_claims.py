# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No act pulls a view from under a block client, and no client begins to use it meanwhile."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from core.errors import AreaFullError, CopyInUseError
from core.service.client import connect
from core.service.serving import Servings
from core.service.servingmessages import StartServing
from tests.doubles.nbdclient import Client
from tests.nbd.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.engine import Volume
    from core.service.client import RemoteVolume

MIB = 1 << 20


def at(path: Path | str, *, read_only: bool = False) -> StartServing:
    return StartServing(str(path), "", 0, "", read_only, stays=False)


@pytest.fixture
def servings(volume: Volume, image: Path) -> Iterator[Servings]:
    """What serves the volume of this process, nowhere yet."""
    served = Servings(str(image), volume, lambda: None)
    yield served
    served.end()


@pytest.mark.e2e
@pytest.mark.parametrize("read_only", [False, True])
def test_clients_of_the_original_keep_it_as_it_is(
    engine: RemoteVolume, image: Path, read_only: bool
) -> None:
    engine.snapshot("monday")
    engine.write(0, b"n" * 4096)
    uri = engine.serve(read_only=read_only).uri
    with Client(uri) as client, Client(uri), connect(image) as other:
        told = rf"^'original' is used by python\S* \({os.getpid()}\) over NBD and cannot be "
        with pytest.raises(CopyInUseError, match=told + r"restored meanwhile; disconnect it f"):
            engine.restore("monday")
        with pytest.raises(CopyInUseError, match=told + "made smaller"):
            other.resize(4 * MIB, shrinks=True)
        assert client.read(0, 4096) == b"n" * 4096
        assert engine.info().size == IMAGE_BYTES
        assert [copy.name for copy in engine.info().copies] == ["monday"]
        engine.resize(2 * IMAGE_BYTES)  # which takes nothing away
        engine.rename("monday", "tuesday")
        engine.delete(["tuesday"])  # which nobody uses
        engine.undelete(["tuesday"])
    engine.resize(IMAGE_BYTES, shrinks=True)  # at once: who has hung up does not count
    engine.restore("tuesday")
    with Client(uri) as client:  # a claim ends with its act, whether that was refused or not
        assert client.read(0, 4096) == engine.read(0, 4096, "tuesday")


@pytest.mark.e2e
def test_clients_of_a_copy_keep_it_whatever_it_is_called(engine: RemoteVolume) -> None:
    engine.snapshot("monday")
    engine.clone("try")
    uri = engine.serve().uri
    with Client(uri, "monday"), Client(uri, "try"):
        engine.rename("monday", "friday")
        with pytest.raises(CopyInUseError, match=r"'friday' is used by .* cannot be deleted"):
            engine.delete(["friday"])
        with pytest.raises(CopyInUseError, match="'try' is used by"):
            engine.delete(["try"], now=True)
        with pytest.raises(CopyInUseError, match="'friday'"):
            engine.purge(["friday"])
        assert not any(copy.deleted for copy in engine.info().copies)
        engine.write(0, b"n" * 4096)
        engine.restore("friday")  # only reads the copy, and nobody uses the original
    engine.delete(["try"], now=True)


def test_a_claimed_view_is_refused_to_clients_and_only_that(
    servings: Servings, volume: Volume, folder: Path
) -> None:
    volume.snapshot("monday")
    uri = servings.start(at(folder / "s")).uri
    with servings.claimed(["original"], "be restored"):
        with pytest.raises(LookupError, match="just being restored"):
            Client(uri)
        Client(uri, "monday").close()
        late = servings.start(at(folder / "t")).uri  # an address begun meanwhile knows it, too
        with pytest.raises(LookupError, match="just being restored"):
            Client(late)
    with (
        Client(uri),
        pytest.raises(CopyInUseError),
        servings.claimed(["original"], "be restored"),
    ):
        pytest.fail("it was claimed though there is a client")
    Client(uri).close()


def test_two_claims_of_one_view_end_with_the_later(servings: Servings, folder: Path) -> None:
    uri = servings.start(at(folder / "s")).uri
    with contextlib.ExitStack() as first:
        first.enter_context(servings.claimed(["original"], "be restored"))
        with servings.claimed(["original"], "be made smaller"):
            pass
        with pytest.raises(LookupError, match="just being restored"):
            Client(uri)
    Client(uri).close()


def test_clients_count_until_their_server_has_stopped(
    servings: Servings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.nbd import server

    uri = servings.start(at(folder / "s")).uri
    begun, go_on = threading.Event(), threading.Event()
    stop = server.Server.stop

    def stop_late(self: server.Server) -> None:
        begun.set()
        go_on.wait(10)
        stop(self)

    monkeypatch.setattr(server.Server, "stop", stop_late)
    with Client(uri):
        stopper = threading.Thread(target=servings.stop)
        stopper.start()
        assert begun.wait(10)
        try:
            with pytest.raises(CopyInUseError), servings.claimed(["original"], "be restored"):
                pass
        finally:
            go_on.set()
            stopper.join(10)
        with servings.claimed(["original"], "be restored"):
            pass


def test_of_a_client_and_a_claim_at_one_moment_only_one_gets_the_view(
    servings: Servings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.serving.LEAVING_S", 0.0)
    real, outcomes = Servings._is_claimed, list[str]()

    def is_claimed_and_then_is(self: Servings, view_id: int) -> bool:
        """Answer what was true before somebody claimed it."""
        answer = real(self, view_id)
        try:
            with self.claimed(["original"], "be restored"):
                outcomes.append("claimed")
        except CopyInUseError:
            outcomes.append("refused")
        return answer

    monkeypatch.setattr(Servings, "_is_claimed", is_claimed_and_then_is)
    with Client(servings.start(at(folder / "s")).uri):
        assert outcomes == ["refused"]


def test_a_copy_with_clients_is_not_dropped_for_room(
    servings: Servings, volume: Volume, folder: Path
) -> None:
    for name in ("used", "idle"):
        volume.snapshot(name)
    uri = servings.start(at(folder / "s")).uri
    with Client(uri, "used") as client:
        before = client.read(0, MIB)
        volume.set_policy(
            when_full="drop",
            expendable=["used", "idle"],
            area_limit_bytes=volume.stats().area_bytes,
        )
        for at_bytes in range(0, IMAGE_BYTES, MIB):
            with contextlib.suppress(AreaFullError):
                volume.write(at_bytes, os.urandom(MIB))
        assert [copy.name for copy in volume.policy().dropped] == ["idle"]
        assert client.read(0, MIB) == before
