# SPDX-License-Identifier: Apache-2.0
"""Exports, each read by the program it is for, or held to that program's rules."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest
import yaml

from tests.fleets import QAT_1, QAT_2, answer, endpoint, function, inventory, qat, write
from tests.simulate.conftest import cannot_test
from vfiocompat.endpoints import MigrationInterface
from vfiocompat.export import FORMATS
from vfiocompat.export.nfd import label
from vfiocompat.export.nova import trait
from vfiocompat.inventory import parse_inventory
from vfiocompat.times import timestamp

if TYPE_CHECKING:
    from tests.conftest import Run, RunOnTerminal
    from vfiocompat.endpoints import Endpoint, RecordedAnswer

A, B = "1ac1-a,1", "1ac1-b,1"


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Give two hosts, of which b takes a's string on one of its parents."""
    taken = (answer(A, accepted=True),)
    refused = (answer(A, accepted=False),)
    return write(
        tmp_path / "fleet",
        [
            inventory("a", endpoint("0000:03:00.0/t", A)),
            inventory(
                "b",
                endpoint("0000:03:00.0/t", B, answers=taken),
                endpoint("0000:04:00.0/t", B, answers=taken),
                endpoint("0000:05:00.0/t", B, answers=refused),
                qat("0000:c1:00.1", QAT_2, parent="0000:c1:00.0"),
                qat("0000:c1:00.2", QAT_1, parent="0000:c1:00.0"),
            ),
        ],
    )


# ---- prometheus ------------------------------------------------------------------


@contextlib.contextmanager
def scraped(folder: Path) -> Any:  # noqa: ANN401 - a generator of text
    """Let Debian's node_exporter read a folder; give what it serves."""
    program = shutil.which("prometheus-node-exporter")
    if program is None:
        cannot_test("prometheus-node-exporter is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen([program, *options], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    url = f"http://127.0.0.1:{port}/metrics"
                    yield urllib.request.urlopen(url).read().decode()
                    return
                time.sleep(0.1)
            pytest.fail("node_exporter does not answer")
        finally:
            process.kill()


@pytest.mark.usefixtures("_processes")
def test_node_exporter_serves_what_is_exported(run: Run, fleet: Path) -> None:
    hostile = 'a"b\\c\nd'
    write(fleet, [inventory("c", endpoint(f"0000:03:00.0/{hostile}", A))])
    folder = fleet.parent / "prom"
    folder.mkdir()
    for host in ("b", "c"):
        other = folder if host == "b" else folder.parent / "prom-c"
        other.mkdir(exist_ok=True)
        run(f"export prometheus {fleet} --host {host} -o {other}/vfiocompat.prom")
        with scraped(other) as text:
            assert "node_textfile_scrape_error 0" in text
            values = dict(
                line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#"
            )
            taken = values["vfiocompat_last_scan_timestamp_seconds"]
            assert float(taken) == timestamp("2026-11-01T00:00:00Z")
            if host == "b":
                assert values['vfiocompat_pairs{verdict="compatible"}'] == "5"
                pairs = [
                    line for line in values if line.startswith("vfiocompat_pair_c")
                ]
                assert len([one for one in pairs if f'src="{A}"' in one]) == 5
            else:
                assert r'type="a\"b\\c\nd"' in text


def test_no_series_is_there_twice(run: Run, fleet: Path) -> None:
    lines = run(f"export prometheus {fleet} --host b").stdout.splitlines()
    series = [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]

    assert len(set(series)) == len(series)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(set(names)) == len(names)


# ---- nfd -------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def test_nfd_takes_every_line(run: Run, fleet: Path) -> None:
    """The rules of node-feature-discovery's local source and label validation."""
    lines = run(f"export nfd {fleet} --host b --expires 1h").stdout.splitlines()
    features = {}
    directive = None
    for line in lines:
        if line.startswith("# +"):
            directive = line
        elif not line.startswith("#"):
            key, _, value = line.partition("=")
            namespace, _, name = key.partition("/")
            assert namespace.endswith(".feature.node.kubernetes.io")
            assert _NAME.fullmatch(name), name
            if directive != "# +no-label":
                assert re.fullmatch(
                    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", value
                )
                assert len(value) <= 63
            features[name] = directive, value
            directive = None

    [expiry] = [line for line in lines if "expiry-time" in line]
    left = (timestamp(expiry.partition("=")[2]) or 0) - time.time()
    assert 3500 < left < 3700
    accepted = {name for name in features if name.startswith("accepts.")}
    assert accepted == {label("accepts.", each) for each in (A, QAT_1, QAT_2)}
    assert features["0000.c1.00.1.version"] == ("# +no-label", QAT_2)


@pytest.mark.parametrize(
    "text", ["8086-193b-i915-GVTg_V5_4", "a,b", "x" * 4095, "a-", "a=b", "19e5-é"[:5]]
)
def test_a_label_is_one(text: str) -> None:
    name = label("accepts.", text)

    assert _NAME.fullmatch(name)
    assert (name == f"accepts.{text}") == bool(_NAME.fullmatch(f"accepts.{text}"))
    assert _NAME.fullmatch(label("", text))
    assert _NAME.fullmatch(label("", f"-{text}"))


def test_labels_of_different_texts_differ() -> None:
    texts = ["a,b", "a;b", "a_b", "x" * 100, "x" * 101]

    assert len({label("accepts.", text) for text in texts}) == len(texts)


def test_labels_that_collide_are_told_and_never_too_much(
    run: Run, tmp_path: Path
) -> None:
    one = "1ac1-0100,x"
    name = label("accepts.", one)
    other = name.removeprefix("accepts.")
    assert label("accepts.", other) == name
    source = inventory("a", endpoint("p/t", one), endpoint("p/u", other))

    def exported(*answers: RecordedAnswer) -> tuple[str, str]:
        end = endpoint("0000:03:00.0/t", B, answers=answers)
        fleet = write(tmp_path / "f", [source, inventory("b", end)])
        result = run(f"export nfd {fleet} --host b")
        return result.stdout, result.stderr

    yes, no = (answer(one, accepted=held) for held in (True, False))
    also = answer(other, accepted=True)
    for answers in ((no, also), (yes,), (also,)):
        text, said = exported(*answers)
        assert name not in text
        assert "VFC421" in said
        assert one in said
    assert f"/{name}=true" in exported(yes, also)[0]


def test_a_feature_that_could_be_of_two_endpoints_is_left_out(
    run: Run, tmp_path: Path
) -> None:
    ends = [endpoint("p/t.u", A), endpoint("p.t/u", B), endpoint("p/v", A)]
    text = run(f"export nfd {write(tmp_path / 'f', [inventory('a', *ends)])}").stdout

    assert re.findall(r"/(.*)\.version=", text) == ["p.v"]


@pytest.mark.usefixtures("_processes")
def test_too_many_features_leave_the_old_file(run: Run, tmp_path: Path) -> None:
    ends = [
        endpoint(f"0000:03:00.0/t{at}", f"1ac1-{'x' * 300}{at}") for at in range(200)
    ]
    fleet = write(tmp_path / "f", [inventory("a", *ends)])
    (tmp_path / "out").write_text("old")
    result = run(f"export nfd {fleet} -o {tmp_path}/out", exit_code=4)

    assert "VFC422" in result.stderr
    assert (tmp_path / "out").read_text() == "old"


# ---- nova ------------------------------------------------------------------------

_PROVIDERS = {
    "type": "object",
    "properties": {
        "meta": {
            "type": "object",
            "properties": {
                "schema_version": {
                    "type": "string",
                    "pattern": "^1.([0-9]|[1-9][0-9]+)$",
                }
            },
            "required": ["schema_version"],
        },
        "providers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "identification": {
                        "type": "object",
                        "properties": {
                            "uuid": {"const": "$COMPUTE_NODE"},
                            "name": {
                                "type": "string",
                                "minLength": 1,
                                "maxLength": 200,
                            },
                        },
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                    },
                    "traits": {
                        "type": "object",
                        "properties": {
                            "additional": {
                                "type": "array",
                                "items": {
                                    "type": "string",
                                    "pattern": "^CUSTOM_[A-Z0-9_]{1,248}$",
                                },
                            }
                        },
                    },
                },
                "required": ["identification"],
            },
        },
    },
    "required": ["meta"],
}
"""What nova/compute/provider_config.py demands, as far as it is about this."""


def providers(text: str) -> dict[str, set[str]]:
    document = yaml.safe_load(text)
    jsonschema.validate(document, _PROVIDERS)
    found = {}
    for each in document["providers"]:
        [name] = each["identification"].values()
        assert name not in found
        found[name] = set(each["traits"]["additional"])
        assert found[name], "nova warns of a provider without traits"
    return found


def test_nova_gets_the_traits_of_each_provider(run: Run, fleet: Path) -> None:
    found = providers(run(f"export nova {fleet} --host b").stdout)

    assert trait(A) in found["b_pci_0000_03_00_0"]
    assert "b_pci_0000_05_00_0" not in found
    assert found["b_0000:C1:00.0"] == {trait(QAT_1)}


def test_a_trait_says_that_any_of_the_functions_of_its_provider_accepts(
    run: Run, tmp_path: Path
) -> None:
    """Nova takes one of them; what it can become is another matter."""
    taken = (answer(A, accepted=True),)
    refused = (answer(A, accepted=False),)
    ends = [
        function("0000:c1:00.1", B, parent="0000:c1:00.0", answers=taken),
        function("0000:c1:00.2", B, parent="0000:c1:00.0", answers=refused),
        function("0000:c2:00.1", B, parent="0000:c2:00.0", answers=taken),
        function("0000:c2:00.1/558", B, parent="0000:c2:00.0", answers=refused),
        function("0000:c2:00.2", B, parent="0000:c2:00.0", answers=taken),
        endpoint("0000:c3:00.0/t", B, answers=taken),
        endpoint("0000:c3:00.0/u", B, answers=refused),
    ]
    source = inventory("a", endpoint("p/t", A))
    fleet = write(tmp_path / "f", [source, inventory("b", *ends)])
    found = providers(run(f"export nova {fleet} --host b").stdout)

    assert set(found) == {"b_0000:C2:00.0", "b_pci_0000_c3_00_0"}


def test_novas_provider_of_a_function_is_its_physical_ones(
    run: Run, tmp_path: Path
) -> None:
    """That of one that is no virtual function is its own."""
    vgpu = {"type_id": "558", "answers": (answer(A, accepted=True),)}
    ends = [
        qat("0000:c1:00.1", QAT_1, parent="0000:c1:00.0"),
        qat("0000:c2:00.1", QAT_2, parent="0000:c2:00.0"),
        qat("0000:c3:00.0", QAT_2),
        function("0000:c4:00.4/558", B, parent="0000:c4:00.0", **vgpu),
        function("0000:c5:00.4/558", B, **vgpu),
        qat("0000:c6:00.1", QAT_2, parent="a: b"),
        endpoint("0000:c7:00.4/nvidia-558", B, answers=(answer(A, accepted=True),)),
        endpoint("mtty/mtty-1", B, answers=(answer(A, accepted=True),)),
    ]
    source = inventory("a", endpoint("p/t", A))
    fleet = write(tmp_path / "f", [source, inventory("b", *ends)])

    assert providers(run(f"export nova {fleet} --host b").stdout) == {
        "b_0000:C1:00.0": {trait(QAT_1)},
        "b_0000:C2:00.0": {trait(QAT_1), trait(QAT_2)},
        "b_0000:C3:00.0": {trait(QAT_1), trait(QAT_2)},
        "b_0000:C4:00.0": {trait(A)},
        "b_0000:C5:00.4": {trait(A)},
        "b_pci_0000_c7_00_4": {trait(A)},
        "$COMPUTE_NODE": {trait(A)},
    }


@pytest.mark.usefixtures("_processes")
@pytest.mark.skipif(not os.environ.get("CI"), reason="nova is large: CI installs it")
def test_nova_itself_gives_its_providers_what_is_exported(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    """What is accepted no more stays on parents of mdevs, and is told to be there."""
    group = f"{Path(__file__).parents[2] / 'pyproject.toml'}:nova"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--group", group]
    subprocess.run(
        [*pip, "--target", tmp_path / "nova"], check=True, capture_output=True
    )
    known = parse_inventory((fleet / "b.json").read_bytes(), "b.json").endpoints
    virtual = endpoint("mtty/mtty-1", B, answers=(answer(A, accepted=True),))
    write(fleet, [inventory("b", *known, virtual)])
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, options in ((first, ""), (second, "--max-age 1h")):
        folder.mkdir()
        file = folder / "vfiocompat.yaml"
        if folder == second:
            shutil.copy(first / "vfiocompat.yaml", file)
        run(f"export nova {fleet} --host b -o {file} {options}")

    said = subprocess.run(
        [sys.executable, Path(__file__).with_name("nova_compute.py"), first, second],
        env=os.environ | {"PYTHONPATH": f"{tmp_path / 'nova'}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (before, absent), (after, _) = map(json.loads, said.splitlines())

    assert absent == []
    assert before == {
        "b": [trait(A)],
        "b_pci_0000_03_00_0": [trait(A)],
        "b_pci_0000_04_00_0": [trait(A)],
        "b_pci_0000_05_00_0": [],
        "b_0000:C1:00.0": [trait(QAT_1)],
    }
    assert after == before | {"b_0000:C1:00.0": []}
    told = (second / "vfiocompat.yaml").read_text()
    for provider, traits in before.items():
        name = "uuid: $COMPUTE_NODE" if provider == "b" else f"name: '{provider}'"
        for each in traits:
            assert f"# left: {name} {each}\n" in told


TABLE = """
schema = 1
id = "acme-vf"
title = "Acme functions"
vendor = "pci:1ac1"
drivers = ["acme_vf"]
evidence = "site"
references = ["https://example.org"]

[format]
f = "acme:{device:hex}:{size:size}:{firmware:version}"

[derive]
format = "f"
device = "device_id"

[[requirement]]
id = "same-device"
field = "device"
relation = "equal"
why = "it is compared"

[[requirement]]
id = "same-size"
field = "size"
relation = "equal"
why = "it is compared"

[[requirement]]
id = "firmware-of-the-source"
field = "firmware"
relation = "specifier"
specifier = ">=70.54.0"
side = "source"
why = "lower ones save nothing"

[[requirement]]
id = "firmware-of-the-destination"
field = "firmware"
relation = "specifier"
specifier = ">=70.54.0"
why = "lower ones load nothing"

[[case]]
source = "1ac1-acme:1:1G:70.54.0"
destination = "1ac1-acme:1:1G:70.55.0"
verdict = "compatible"
[[case]]
source = "1ac1-acme:1:1G:70.53.0"
destination = "1ac1-acme:2:2G:70.53.0"
verdict = "incompatible"
decided_by = [
  "same-device", "same-size", "firmware-of-the-source", "firmware-of-the-destination",
]
"""


@pytest.fixture
def _acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a table of the site's, of whose derived strings not all is compared."""
    (tmp_path / "config/tables.d").mkdir(parents=True)
    (tmp_path / "config/tables.d/acme-vf.toml").write_text(TABLE)
    monkeypatch.setenv("VFIOCOMPAT_CONFIG", str(tmp_path / "config"))


def acme(address: str, **stated: str) -> Endpoint:
    """Make a function that a table makes a string of."""
    return function(
        address,
        None,
        driver="acme_vf",
        vendor_id="0x1ac1",
        device_id="0x0100",
        facts={"vendor_id": "0x1ac1", "device_id": "0x0100"},
        stated={"size": "1G"} | stated,
        parent=f"{address[:-1]}0",
    )


@pytest.mark.usefixtures("_acme")
def test_a_trait_of_a_derived_string_is_of_what_its_table_reads(
    run: Run, tmp_path: Path
) -> None:
    """An update of the firmware changes none, unless it is one that counts."""

    def exported(guc: str, **stated: str) -> tuple[dict[str, set[str]], str]:
        ends = [
            inventory("a", acme("0000:c1:00.1", firmware=guc, **stated)),
            inventory("b", acme("0000:c1:00.1", firmware="70.54.0")),
        ]
        result = run(f"export nova {write(tmp_path / 'f', ends)} --host b")
        assert result.stderr == ""
        return providers(result.stdout), result.stdout

    found, text = exported("70.54.0")
    [name] = found["b_0000:C1:00.0"]
    assert re.fullmatch("CUSTOM_VFIOCOMPAT_ACCEPTS_ACME_VF_[0-9A-F]{16}", name)
    string = "1ac1-acme:0100:1G:70.54"
    assert f"        # {string}.0\n        - {name}\n" in text

    again, text = exported("70.54.1")
    assert again == found
    assert f"        # {string}.0\n        # {string}.1\n        - {name}\n" in text
    assert exported("70.53.9")[0] == found  # of the destination itself
    assert exported("70.54.0", size="2G")[0] == found
    both = [acme("0000:c1:00.1", firmware=guc) for guc in ("70.54.0", "70.53.9")]
    fleet = write(tmp_path / "g", [inventory("a", both[0]), inventory("b", both[1])])
    assert providers(run(f"export nova {fleet} --host b").stdout) == {}


@pytest.mark.usefixtures("_acme")
def test_an_outdated_string_takes_no_trait_of_its_like(
    run: Run, tmp_path: Path
) -> None:
    """It is the same source: an update of the firmware has not reached every host."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ends = [
        inventory(name, acme("0000:c1:00.1", firmware=firmware), taken_at=at)
        for name, firmware, at in (
            ("a", "70.54.0", now),
            ("b", "70.54.0", now),
            ("c", "70.54.1", "2026-11-01T00:00:00Z"),
        )
    ]
    line = f"export nova {write(tmp_path / 'f', ends)} --host b --max-age 1h"
    result = run(line)

    assert len(providers(result.stdout)["b_0000:C1:00.0"]) == 1
    assert "VFC421" not in result.stderr


@pytest.mark.usefixtures("_acme")
def test_a_derived_string_that_is_not_accepted_takes_the_trait_of_its_like(
    run: Run, tmp_path: Path
) -> None:
    ends = [
        inventory("a", acme("0000:c1:00.1", firmware="70.54.0")),
        inventory("b", acme("0000:c1:00.1", firmware="70.54.0")),
    ]
    ends[0].endpoints.append(
        msgspec.structs.replace(
            acme("0000:c1:00.2", firmware="70.55.0"),
            migration=MigrationInterface("none"),
        )
    )
    fleet = write(tmp_path / "f", ends)
    result = run(f"export nova {fleet} --host b")

    assert providers(result.stdout) == {}
    assert "VFC421" not in result.stderr


def test_names_that_collide_are_told_and_never_too_much(
    run: Run, tmp_path: Path
) -> None:
    one, other = "1ac1-a,1", "1ac1-a;1"
    assert trait(one) == trait(other)
    fleet = write(
        tmp_path / "f",
        [
            inventory("a", endpoint("p/t", one), endpoint("p/u", other)),
            inventory(
                "b",
                endpoint("0000:03:00.0/t", B, answers=(answer(one, accepted=True),)),
                endpoint(
                    "0000:04:00.0/t",
                    B,
                    answers=(answer(one, accepted=True), answer(other, accepted=True)),
                ),
            ),
        ],
    )
    result = run(f"export nova {fleet} --host b")

    assert "VFC421" in result.stderr
    assert one in result.stderr
    found = providers(result.stdout)
    assert trait(one) not in found.get("b_pci_0000_03_00_0", set())
    assert trait(one) in found["b_pci_0000_04_00_0"]


@pytest.mark.parametrize("form", ["nova", "nfd"])
@pytest.mark.parametrize(
    ("taken_at", "options"),
    [("2026-11-01T00:00:00Z", " --max-age 1h"), ("2199-01-01T00:00:00Z", "")],
)
def test_names_collide_with_those_of_outdated_inventories_too(
    run: Run, tmp_path: Path, form: str, taken_at: str, options: str
) -> None:
    """What a host has does not go away because nobody has looked for long."""
    one, other = COLLIDING[form]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    yes = tuple(answer(each, accepted=True, at=now) for each in (one, B))
    sure = [
        inventory("a", endpoint("0000:02:00.0/t", one), taken_at=now),
        inventory("b", endpoint("0000:03:00.0/t", B, answers=yes), taken_at=now),
    ]
    line = f"export {form} {tmp_path}/f --host b{options}"
    write(tmp_path / "f", sure)
    assert accepted(form, run(line).stdout) == {named(form, one), named(form, B)}

    # The same string on an outdated host casts no doubt on it.
    write(tmp_path / "f", [inventory("c", endpoint("p/t", one), taken_at=taken_at)])
    assert accepted(form, run(line).stdout) == {named(form, one), named(form, B)}

    write(tmp_path / "f", [inventory("c", endpoint("p/t", other), taken_at=taken_at)])
    result = run(line)
    assert accepted(form, result.stdout) == {named(form, B)}
    assert "VFC421" in result.stderr


def named(form: str, text: str) -> str:
    """Give the name that says in a format that a string is accepted."""
    return trait(text) if form == "nova" else label("accepts.", text)


COLLIDING = {
    "nova": ("1ac1-a.x", "1ac1-a-x"),
    "nfd": ("1ac1-a,x", label("accepts.", "1ac1-a,x").removeprefix("accepts.")),
}
"""Two strings that have one name in a format."""


def accepted(form: str, text: str) -> set[str]:
    """Give the names of what a file says is accepted."""
    if form == "nova":
        return set().union(*providers(text).values())
    return set(re.findall(r"^\S+/(accepts\.\S+)=true$", text, re.MULTILINE))


def test_nothing_accepted_is_a_file_without_providers(run: Run, tmp_path: Path) -> None:
    fleet = write(tmp_path / "f", [inventory("a", endpoint("0000:03:00.0/t", None))])

    assert providers(run(f"export nova {fleet}").stdout) == {}


@pytest.mark.usefixtures("_processes")
def test_a_trait_that_is_accepted_no_more_is_told_until_it_is_removed(
    run: Run, tmp_path: Path
) -> None:
    """nova-compute only adds traits: what the file had stays on its provider."""
    out = tmp_path / "provider.yaml"

    def written(*answers: bool) -> str:
        ends = [
            endpoint(f"0000:0{at}:00.0/t", B, answers=(answer(A, accepted=yes),))
            for at, yes in enumerate(answers)
        ]
        source = inventory("a", endpoint("p/t", A))
        fleet = write(tmp_path / "f", [source, inventory("b", *ends)])
        return run(f"export nova {fleet} --host b -o {out}").stderr

    names = [f"b_pci_0000_0{at}_00_0" for at in range(2)]
    gone = f"# left: name: '{names[0]}' {trait(A)}"
    assert written(True, True) == ""  # noqa: FBT003
    assert written(True, True) == ""  # noqa: FBT003
    assert "left" not in out.read_text()

    said = written(False, True)  # noqa: FBT003
    assert "VFC430" in said
    assert f"name: '{names[0]}' {trait(A)}" in said
    assert f"--name {names[0]} " in said
    assert names[1] not in said
    for _ in range(2):  # a timer writes the file again and again
        assert gone in out.read_text().splitlines()
        assert list(providers(out.read_text())) == [names[1]]
        assert "VFC430" in written(False, True)  # noqa: FBT003

    assert written(True, True) == ""  # noqa: FBT003
    assert gone not in out.read_text()
    written(False, False)  # noqa: FBT003
    out.write_text(
        "".join(
            line
            for line in out.read_text().splitlines(keepends=True)
            if not line.startswith("# left: ")
        )
    )
    assert written(False, False) == ""  # noqa: FBT003


def test_a_file_that_cannot_be_read_is_not_replaced(
    run: Run, fleet: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    result = run(f"export nova {fleet} --host b -o {tmp_path}/out", exit_code=4)
    assert "cannot" in result.stderr


def test_a_node_is_called_as_libvirt_calls_it(
    run: Run, fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = f"export nova {fleet} --host b"
    named = providers(run(f"{line} --node-name b.example.org").stdout)
    assert "b.example.org_pci_0000_03_00_0" in named

    told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "b.example.org", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: told)
    monkeypatch.setattr(socket, "gethostname", lambda: "b")
    assert "b.example.org_pci_0000_03_00_0" in providers(run(line).stdout)
    other = providers(run(f"export nova {fleet} --host a").stdout)
    assert not [name for name in other if "example.org" in name]
    monkeypatch.setenv("VFIOCOMPAT_SYSROOT", "/nowhere")
    assert "b_pci_0000_03_00_0" in providers(run(line).stdout)


def test_a_hostile_host_name_stays_a_name(run: Run, tmp_path: Path) -> None:
    hostile = "a': {b: [c]} #"
    ends = [endpoint("0000:03:00.0/t", A, answers=(answer(A, accepted=True),))]
    fleet = write(tmp_path / "f", [inventory(hostile, *ends)])
    found = providers(run(f"export nova {fleet}").stdout)

    assert list(found) == [f"{hostile}_pci_0000_03_00_0"]
    long = write(tmp_path / "g", [inventory("x" * 190, *ends)])
    assert "VFC422" in run(f"export nova {long}", exit_code=4).stderr


# ---- ansible ---------------------------------------------------------------------


def ansible_fact(folder: Path) -> Any:  # noqa: ANN401 - JSON is anything
    """Let ansible gather the local facts of a folder."""
    command = [
        str(Path(sys.executable).parent / "ansible"),
        "localhost",
        "-c",
        "local",
        "-m",
        "setup",
        "-a",
        f"filter=ansible_local fact_path={folder} gather_subset=!all,!min,local",
    ]
    environment = os.environ | {
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_STDOUT_CALLBACK": "oneline",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "LC_ALL": "C.UTF-8",
    }
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
    return json.loads(said.partition("=> ")[2])["ansible_facts"]["ansible_local"]


@pytest.mark.usefixtures("_processes")
def test_ansible_reads_the_fact(run: Run, fleet: Path, tmp_path: Path) -> None:
    folder = tmp_path / "facts.d"
    folder.mkdir()
    run(f"export ansible {fleet} --host b -o {folder}/vfiocompat.fact")
    fact = ansible_fact(folder)["vfiocompat"]

    assert fact["host"] == "b"
    assert A in fact["accepts"]
    assert [each["address"] for each in fact["devices"]][-1] == "0000:c1:00.2"
    assert fact["errors"] == []


def test_a_fact_never_fails(run: Run, fleet: Path, tmp_path: Path) -> None:
    missing = json.loads(run(f"export ansible {tmp_path}/no").stdout)
    assert missing["errors"][0].startswith("VFC401 cannot read")

    unknown = json.loads(run(f"export ansible {fleet} --host x").stdout)
    assert "no host 'x'" in unknown["errors"][0]
    (fleet / "x.json").write_text("{")
    assert json.loads(run(f"export ansible {fleet} --host b").stdout)["host"] == "b"


# ---- all -------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["ansible", "nfd", "nova", "prometheus"])
def test_a_file_is_replaced_whole(
    run: Run, fleet: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    run(f"export {form} {fleet} --host b -o {out}")
    again = run(f"export {form} {fleet} --host b").stdout

    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []
    expiry = re.compile("expiry-time=.*")
    assert expiry.sub("", out.read_text()) == expiry.sub("", again)
    assert out.stat().st_mode & 0o777 == 0o644


@pytest.mark.usefixtures("_processes")
@pytest.mark.parametrize("form", ["nfd", "nova", "prometheus"])
def test_a_host_must_be_known(run: Run, fleet: Path, form: str) -> None:
    assert "--host names one: a, b" in run(f"export {form} {fleet}", exit_code=4).stderr
    run(f"export {form} {fleet}/a.json")


def test_a_broken_part_of_the_fleet_is_told(run: Run, fleet: Path) -> None:
    (fleet / "x.json").write_text("{")
    result = run(f"export nfd {fleet} --host b", exit_code=4)

    assert "present=true" in result.stdout
    assert "x.json" in result.stderr


def test_an_old_inventory_accepts_nothing(run: Run, fleet: Path) -> None:
    assert "accepts." not in run(f"export nfd {fleet} --host b --max-age 1h").stdout


def test_an_unknown_format(run: Run, fleet: Path) -> None:
    assert (
        "there is no format 'moon'" in run(f"export moon {fleet}", exit_code=2).stderr
    )


# ---- on a terminal ---------------------------------------------------------------

OBEYED = "\x1b]2;t\x07\x9b31m\u202e\u2066\U000e0001"


@pytest.mark.parametrize("form", FORMATS)
def test_a_terminal_gets_nothing_that_it_acts_on_and_a_pipe_all(
    run: Run, run_on_terminal: RunOnTerminal, tmp_path: Path, form: str
) -> None:
    address = f"0000:03:00.0/t{OBEYED}"
    at = "2026-11-01T00:00:00Z"
    hostile = endpoint(
        address, A, driver=f"d{OBEYED}", answers=(answer(A, accepted=True, at=at),)
    )
    folder = write(tmp_path / "fleet", [inventory("a", hostile)])
    shown = run_on_terminal(f"export {form} {folder} --host a").stdout
    piped = run(f"export {form} {folder} --host a").stdout

    assert all(char.isprintable() for char in shown.replace("\n", ""))
    assert piped.count("\n") == shown.count("\n")
    if form == "ansible":
        assert json.loads(shown) == json.loads(piped)
        assert json.loads(piped)["devices"][0]["address"] == address
    if form == "prometheus":
        assert OBEYED in piped
