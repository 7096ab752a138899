# SPDX-License-Identifier: Apache-2.0
"""What is read of metadata, and what of hostile metadata."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nvidia.made import gpu_metadata, vgpu_metadata
from vfiocompat.nvidia.compatibility import Compatibility
from vfiocompat.nvidia.metadata import (
    MOST,
    GpuMetadata,
    InvalidMetadata,
    Of,
    VgpuMetadata,
    decoded,
    encoded,
    read_gpu,
    read_vgpu,
)


def test_what_a_vgpus_metadata_tells() -> None:
    assert read_vgpu(vgpu_metadata()) == VgpuMetadata(
        guest_is_loaded=True, guest_version=5, can_migrate=True
    )
    assert read_vgpu(vgpu_metadata(state=0, caps=2, guest=0)) == VgpuMetadata(
        guest_is_loaded=False, guest_version=0, can_migrate=False
    )


def test_a_state_of_the_guest_that_is_not_known_is_no_loaded_driver() -> None:
    found = read_vgpu(vgpu_metadata(state=2))
    assert found is not None
    assert not found.guest_is_loaded


def test_what_a_gpus_metadata_tells() -> None:
    assert read_gpu(gpu_metadata()) == GpuMetadata(3, 7, can_migrate=True)
    assert read_gpu(gpu_metadata(caps=0)) == GpuMetadata(3, 7, can_migrate=False)


def test_the_layout_is_that_of_the_header() -> None:
    """The binding has 468 and 380 bytes, with opaque data of 260 and 256."""
    assert len(decoded(vgpu_metadata(opaque=bytes(260)), "vGPU")) == 468
    assert len(decoded(gpu_metadata(opaque=bytes(256)), "GPU")) == 380


@pytest.mark.parametrize("version", [0, 2, 7, 1 << 31])
def test_another_version_is_carried_and_not_read(version: int) -> None:
    for text, read, of in (
        (vgpu_metadata(version=version), read_vgpu, "vGPU"),
        (gpu_metadata(version=version), read_gpu, "GPU"),
    ):
        assert read(text) is None
        assert encoded(decoded(text, of)) == text  # type: ignore[arg-type]


def test_no_metadata_tells_nothing() -> None:
    assert read_vgpu(None) is None
    assert read_gpu(None) is None


def with_opaque_size(text: str, size: int, at: int) -> str:
    data = bytearray(base64.b64decode(text))
    struct.pack_into("=I", data, at, size)
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("text", "of", "why"),
    [
        ("", "vGPU", "has 0 bytes"),
        ("AAAA", "GPU", "has 3 bytes"),
        ("no base64!", "vGPU", "is no base64"),
        ("\u00e9", "GPU", "is no base64"),
        (gpu_metadata(), "vGPU", "that of a vGPU has more"),
        (with_opaque_size(vgpu_metadata(), 5, 204), "vGPU", "lacks some of its 5"),
        (with_opaque_size(gpu_metadata(), 1 << 31, 120), "GPU", "lacks some of its 2,"),
        (encoded(bytes(MOST + 1)), "GPU", "is longer than"),
        ("A" * (4 * MOST), "vGPU", "is longer than"),
    ],
)
def test_what_is_none_says_why(text: str, of: Of, why: str) -> None:
    with pytest.raises(InvalidMetadata, match=why):
        decoded(text, of)
    assert (read_vgpu if of == "vGPU" else read_gpu)(text) is None


def test_metadata_of_a_mebibyte_is_read() -> None:
    text = vgpu_metadata(opaque=bytes(MOST - 208))
    assert len(decoded(text, "vGPU")) == MOST
    assert read_vgpu(text) is not None


@given(st.binary(max_size=600) | st.binary(max_size=500).map(b"\1\0\0\0".__add__))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    text = encoded(data)
    for read in (read_vgpu, read_gpu):
        assert read(text) is None or len(data) > 120


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert read_vgpu(text) is None
    assert read_gpu(text) is None


# ---- compatibility --------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "limits", "said"),
    [
        (15, 0, "live; ; cold hibernate sleep"),
        (8, 0, "live; ; "),
        (7, 1, "not live; host-driver; cold hibernate sleep"),
        (5, 2, "not live; guest-driver; cold sleep"),
        (2, 4, "not live; gpu; hibernate"),
        (0, 0x80000000, "not live; other; "),
        (0, 3, "not live; host-driver guest-driver; "),
        (0, 16, "not live; other; "),
        (1, 0, "not live; other; cold"),
        (8, 1, "live; host-driver; "),
    ],
)
def test_bits_have_names(states: int, limits: int, said: str) -> None:
    found = Compatibility.of(states, limits)
    live = "live" if found.is_live else "not live"
    assert "; ".join([live, " ".join(found.limits), " ".join(found.left)]) == said
