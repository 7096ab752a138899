# SPDX-License-Identifier: Apache-2.0
"""Every diagnostic code, what it means, and the record that carries one.

Codes are `VFC` and three digits, and are never used again for something else:
1xx the attribute and the driver's answer, 2xx tables and their requirements,
3xx version strings, 4xx inventories and fleets, 5xx the system.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["CODES", "Code", "Diagnostic", "Severity", "diagnostic"]

Severity = Literal["error", "warning", "info"]


class Code(msgspec.Struct, frozen=True):
    """What one code says every time, and how to confirm and mend it by hand."""

    severity: Severity
    summary: str
    explanation: str


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: its code, and where and why it was found here.

    `errno` is symbolic (`"EINVAL"`), `path` a sysfs path as seen inside the
    sysroot. `table`, and its `requirement` or exception, are what is behind it, and
    `why` is what the table says of that.
    """

    code: str
    severity: Severity
    summary: str
    detail: str | None = None
    hint: str | None = None
    errno: str | None = None
    path: str | None = None
    requirement: str | None = None
    table: str | None = None
    why: str | None = None


def diagnostic(
    code: str,
    summary: str | None = None,
    *,
    detail: str | None = None,
    hint: str | None = None,
    errno: str | None = None,
    path: str | None = None,
    table: str | None = None,
    requirement: str | None = None,
    why: str | None = None,
) -> Diagnostic:
    """Make a Diagnostic of a known code, whose summary is the default.

    Raises:
        KeyError: no such code.

    """
    known = CODES[code]
    return Diagnostic(
        code=code,
        severity=known.severity,
        summary=summary or known.summary,
        detail=detail,
        hint=hint,
        errno=errno,
        path=path,
        table=table,
        requirement=requirement,
        why=why,
    )


CODES: dict[str, Code] = {
    "VFC101": Code(
        "error",
        "the destination driver refused the source's version string",
        """\
The source's version string was written to the destination's version attribute and
write(2) returned an errno. By the attribute's definition that is the driver's "no":
the destination cannot load this source's state. Drivers choose the errno; EINVAL is
the usual one. EPERM and EACCES count as a refusal too, since the file was already
open for writing.

Confirm it by hand, with bash (dash hides the errno):
    cat SOURCE/version
    echo 'THE STRING' > DESTINATION/version
The kernel log of the destination often says more: dmesg | tail.

To mend it, choose a destination of the same or a higher generation, the same mdev
type and the same or a newer driver. Only the driver knows its own table.""",
    ),
    "VFC102": Code(
        "warning",
        "there is no version attribute",
        """\
None of the known names exists there: migration_version, version, get_version and
check_version; for an mdev neither in its own directory nor in its type's. So there
is no driver to ask. That is the normal case: no mainline kernel has the attribute
(the patches of 2019 and 2020 were never merged), and since Linux 6.1 a driver cannot
add one to an mdev type without a change to the mdev core.

Confirm it by hand:
    ls /sys/class/mdev_bus/PARENT/mdev_supported_types/TYPE_ID/

An absent attribute says nothing about compatibility, for or against.""",
    ),
    "VFC103": Code(
        "error",
        "the version attribute may not be opened",
        """\
open(2) gave EACCES, EPERM or EROFS, so the driver was never asked. Reading an
attribute usually needs no privilege; writing one does. Even root gets EACCES when
the file's mode lacks the permission bit for everyone (0444 for writing, 0200 for
reading), and EROFS where /sys is mounted read-only, as in most containers.

Confirm it by hand:
    ls -l PATH; grep ' /sys ' /proc/self/mounts
To mend it, run as root, outside the container or with /sys mounted read-write.""",
    ),
    "VFC104": Code(
        "error",
        "the version attribute could not be opened",
        """\
open(2) failed with an errno that says nothing about compatibility (not ENOENT, not
a missing permission). The driver was not asked. The errno is shown; the kernel log
may say more.""",
    ),
    "VFC105": Code(
        "error",
        "the driver says that this device cannot migrate",
        """\
Reading or writing the version attribute gave ENODEV, EOPNOTSUPP, ENOTTY or ENOTSUPP
(524). With these a vendor driver says that the type or device has no migration
support: the attribute is there, but nothing can be loaded or saved. The path was
looked up once more, and it still exists, so the device did not simply go away.

Confirm it by hand:
    cat PATH
Some drivers need a build option or a module parameter for migration, and some
support it only for a few of their types.""",
    ),
    "VFC106": Code(
        "error",
        "the version attribute could not be read",
        """\
read(2) failed with an errno that neither gives a string nor says that migration is
unsupported. Nothing follows for compatibility: the verdict is undetermined. Such an
attribute is never replaced by a string derived from other facts.

Confirm it by hand:
    cat PATH""",
    ),
    "VFC107": Code(
        "info",
        "the destination driver accepts the source's version string",
        """\
The source's exact bytes were written to the destination's version attribute and
write(2) took all of them: the driver says that it can load this source's state. It
answers compatibility, not capacity: whether an instance is free is another question.

Confirm it by hand, with bash:
    cat SOURCE/version > DESTINATION/version; echo $?""",
    ),
    "VFC108": Code(
        "warning",
        "the driver was busy and did not answer",
        """\
Each of several attempts ended with EINTR, EAGAIN or EBUSY. These say "not now", not
"no", so the verdict is undetermined. Try again later.""",
    ),
    "VFC109": Code(
        "warning",
        "the driver failed while it was deciding",
        """\
write(2) gave EIO, ENOMEM or ETIMEDOUT. The driver was asked and could not answer, so
the verdict is undetermined: it is not a refusal. The kernel log may say more.""",
    ),
    "VFC110": Code(
        "warning",
        "the driver answered about capacity, not about compatibility",
        """\
write(2) gave ENOSPC or EUSERS: the destination has no room. The attribute is meant
to answer whether state could be loaded, never whether an instance is free, so
nothing follows from it and the verdict is undetermined. Free an instance there and
ask again.""",
    ),
    "VFC111": Code(
        "error",
        "the file system behind the attribute has gone away",
        """\
write(2) gave ECONNABORTED or ENOTCONN. Those come from a FUSE server that died, not
from a driver, so nobody was asked. Start the simulation again; a mount point that is
left over is removed with: umount -l MOUNTPOINT""",
    ),
    "VFC112": Code(
        "warning",
        "the driver did not answer in time",
        """\
The call was still held by the driver when --timeout ended (5 seconds unless told).
No verdict follows. The held call cannot be ended from outside; it is left to a child
process that ends when the driver lets go of it.

Confirm it by hand (this may hang, and may not be killable):
    cat PATH
Look for a hung driver in the kernel log, or give it more time with --timeout.""",
    ),
    "VFC113": Code(
        "error",
        "the device went away while it was being asked",
        """\
The path existed at first and was gone when it was looked up again, so an ENODEV or
ENOENT says nothing about migration support. Somebody removed the mdev, or the
driver was unbound. Ask again once the device is back.""",
    ),
    "VFC114": Code(
        "warning",
        "the driver took only a part of the version string",
        """\
write(2) returned fewer bytes than it was given. An attribute takes a string whole or
not at all, so this is a fault of the driver, and the verdict is undetermined.""",
    ),
    "VFC115": Code(
        "warning",
        "the driver still holds an earlier scan's call, so it was not asked again",
        """\
An earlier scan read or wrote this file, the driver has not returned since, and the
process that waits for it is still there. To ask again would leave another one behind,
so this scan passed the file over. Once the driver returns the process ends by itself,
and the next scan asks again.

Confirm it by hand, with the process that the scan's state names (.FILE.state beside
the inventory):
    cat /proc/PID/stack
Nothing but the driver can end it: the fault is the driver's, or the device's.""",
    ),
    "VFC120": Code(
        "error",
        "source and destination have different device APIs",
        """\
The device_api of the two differs (vfio-pci, vfio-platform, vfio-ccw, vfio-ap). A
virtual machine sees another kind of device, so state of one is nothing to the other.
No driver was asked.

Confirm it by hand:
    cat PARENT/mdev_supported_types/TYPE_ID/device_api""",
    ),
    "VFC123": Code(
        "error",
        "source and destination are of different mdev types",
        """\
The destination's attribute is a migration_version at an mdev type. Its definition
(v3 to v5 of the patches, 2019 and 2020) compares devices of one type only and leaves
it to the caller to see to that. A driver that follows it may say yes to a string of
another type, so it was not asked.

Choose a destination of the source's type. An mdev whose own directory has the
attribute can be asked across types; so can an attribute named version.""",
    ),
    "VFC124": Code(
        "warning",
        "the source's mdev type is not known, so the driver's yes is not enough",
        """\
The destination's attribute is a migration_version at an mdev type: its answer holds
for sources of the same type only, and a literal version string has no type. State it
with --source-type TYPE_ID.""",
    ),
    "VFC125": Code(
        "warning",
        "the version string has unknown parts, so it is not written to a device",
        """\
The literal holds `?`, which stands for an unknown value in tables. No driver printed
such a string, so no driver is asked about it. Use the string as `vfiocompat get`
prints it on the source.""",
    ),
    "VFC126": Code(
        "error",
        "the driver has no migration interface",
        """\
The kernel says that the device's driver has no migration operations: VFIO cannot save
or load its state, whatever its version string says. Plain vfio-pci has none; a variant
driver may.

Confirm it by hand (Linux 6.8 or newer, CONFIG_VFIO_DEBUGFS):
    ls /sys/kernel/debug/vfio/DEVICE
A device that can migrate has a directory named migration there.""",
    ),
    "VFC127": Code(
        "error",
        "source and destination have different migration interfaces",
        """\
One side has the first migration interface (a region of the device, Linux 5.8 to 5.17),
the other one the second (Linux 5.18 and newer). Their streams are not the same. Bring
both hosts to a kernel with the second one.""",
    ),
    "VFC128": Code(
        "warning",
        "the source copies its state ahead, the destination's driver says it does not",
        """\
The source's driver has PRE_COPY: it may send state while the device still runs. The
destination's has not, so its driver may be an older one. What it can load is its own
affair, and this changes no verdict; see whether both hosts have the same driver.

Confirm it by hand (Linux 6.18 or newer, CONFIG_VFIO_DEBUGFS):
    cat /sys/kernel/debug/vfio/DEVICE/migration/features""",
    ),
    "VFC129": Code(
        "warning",
        "the kernel does not tell which migration interface the device has",
        """\
Without opening the device only debugfs tells: Linux 6.8 or newer with
CONFIG_VFIO_DEBUGFS, debugfs mounted, and the right to read it, which is root's. The
name of the driver tells it where a table knows that it migrates nothing. An mdev type
is no device yet: create an mdev of it. Nothing follows from not knowing, for or
against.

Confirm it by hand:
    mount -t debugfs none /sys/kernel/debug
    ls /sys/kernel/debug/vfio""",
    ),
    "VFC130": Code(
        "warning",
        "the function is not bound to a VFIO driver",
        """\
Only a function that is bound to a VFIO driver can be given to a virtual machine, and
it is the driver that decides whether it can migrate. Bind it to its variant driver
(mlx5_vfio_pci, hisi_acc_vfio_pci, qat_vfio_pci and so on); plain vfio-pci can pass a
device through but not migrate it.

Confirm it by hand:
    readlink /sys/bus/pci/devices/FUNCTION/driver
To bind it:
    echo DRIVER > /sys/bus/pci/devices/FUNCTION/driver_override
    echo FUNCTION > /sys/bus/pci/drivers_probe
If the function is the parent of mdev types, name one of them: FUNCTION/TYPE_ID.""",
    ),
    "VFC131": Code(
        "warning",
        "the vGPU type cannot be created on this function now",
        """\
The function's nvidia/creatable_vgpu_types does not list the type. That list depends
on what is allocated at the moment, so it speaks of capacity and not of compatibility:
it changes no verdict. Without an answer of the driver the pair stays undetermined.

Confirm it by hand:
    cat /sys/bus/pci/devices/FUNCTION/nvidia/creatable_vgpu_types""",
    ),
    "VFC132": Code(
        "info",
        "the destination's driver took the source's string when it was asked",
        """\
`vfiocompat scan --ask` wrote this very string to the destination's version attribute,
and its driver took it. The answer is kept in the inventory, and counts as long as the
destination is as it was then: the same string, driver and kernel.

Confirm it by hand, on the destination's host:
    vfiocompat check version:THE_STRING DESTINATION""",
    ),
    "VFC133": Code(
        "error",
        "the destination's driver refused the source's string when it was asked",
        """\
`vfiocompat scan --ask` wrote this very string to the destination's version attribute,
and its driver refused it. The answer is kept in the inventory, and counts as long as
the destination is as it was then: the same string, driver and kernel.

Confirm it by hand, on the destination's host:
    vfiocompat check version:THE_STRING DESTINATION
Choose a destination of the same or a higher generation, of the same mdev type, or with
the same or a newer driver.""",
    ),
    "VFC134": Code(
        "warning",
        "the destination's driver gave no definite answer when it was asked",
        """\
`vfiocompat scan --ask` wrote this very string to the destination's version attribute,
and what came back says neither yes nor no: the driver was busy, out of something, or
did not return in time. The next `scan --ask` asks again.""",
    ),
    "VFC141": Code(
        "error",
        "this is not a version attribute, so nothing was written",
        """\
A version string is written only to a regular file with one of the known names
(migration_version, version, check_version) directly in the directory of an mdev type
or an mdev device, or to migration_version in that of a PCI function. A file named
version in a PCI function's directory may belong to something else.""",
    ),
    "VFC142": Code(
        "error",
        "the path leaves the endpoint's directory, so nothing was written",
        """\
The endpoint's directory must lie below /sys/devices once all links are followed, and
the attribute must be a file in it: not a symbolic link, and with no `..` on the way.
Otherwise a write could land somewhere else.""",
    ),
    "VFC143": Code(
        "error",
        "the attribute is not on sysfs, so nothing was written",
        """\
A plain file takes every write and is changed by it: the answer would be a false yes
and the file would be spoiled. So strings are written to sysfs only or, below
--sysroot, to a FUSE file system such as `vfiocompat simulate` serves.

Confirm it by hand:
    stat -f -c %T PATH""",
    ),
    "VFC201": Code(
        "warning",
        "neither a driver nor a table could decide this pair",
        """\
No driver could be asked about this pair, and no compatibility table speaks for it.
That is no verdict against it: nothing is known. The other diagnostics say why the
driver could not be asked.""",
    ),
    "VFC202": Code(
        "warning",
        "no format of the table matches the version string",
        """\
A table of this vendor, or of this driver, was there, but it describes its strings by
formats and this string is in none of them. Nothing is concluded from a string that is
not understood. Each format is shown, and where the one that came farthest stopped.

Confirm it by hand:
    vfiocompat parse STRING; vfiocompat tables show ID
A newer driver may print a newer form: a site's own table can describe it.""",
    ),
    "VFC203": Code(
        "warning",
        "several tables speak for this pair",
        """\
More than one compatibility table of the same origin reads both ends of the pair. They
may not agree, so none decides. A table of --table wins over those of the site, and a
site's over a shipped one, so naming one with --table settles it.

Confirm it by hand:
    vfiocompat tables list""",
    ),
    "VFC204": Code(
        "error",
        "a compatibility table is malformed",
        """\
A table's file cannot be used: every mistake in it is named with its dotted key. A
site's table that is broken decides nothing, and no shipped table takes its place for
the pairs that it would decide: they could not be checked, exit code 4. Those are the
pairs of its vendor and drivers; all pairs, if its head cannot be read.

Confirm it by hand:
    vfiocompat tables check FILE
Mend the file, or take it out of the site's tables.d.""",
    ),
    "VFC205": Code(
        "warning",
        "a table does not agree with the driver",
        """\
The driver was asked and answered, and its answer holds. A compatibility table says
otherwise of the same pair: it may describe another version of the driver, or be
wrong, or the driver is. Read both reasons before the migration is started.

Confirm it by hand:
    vfiocompat check --table-only SOURCE DESTINATION
    vfiocompat tables show ID""",
    ),
    "VFC206": Code(
        "error",
        "the driver cannot migrate this device as it is bound now",
        """\
There is no version attribute to ask, and the driver that the endpoint is bound to is
known to have no migration support at all: saving or loading its state fails. That is
said of the driver and not of the device: a function bound to vfio-pci may have a
variant driver that can.

Confirm it by hand:
    readlink /sys/bus/pci/devices/FUNCTION/driver
    vfiocompat tables show ID
The table names the source that says so.""",
    ),
    "VFC207": Code(
        "warning",
        "the device itself decides, so no table can say yes",
        """\
The driver of this device compares nothing: it hands the state to the device or its
firmware, which takes it or refuses it. What a table demands is then necessary and not
enough, so its best verdict is undetermined.

To mend it, keep firmware and device model the same on both sides, and try a migration
of a virtual machine that may be lost.""",
    ),
    "VFC208": Code(
        "error",
        "an exception of the table refuses this pair",
        """\
The table names this combination as one that does not work, whatever its requirements
say of it. The reason that it gives is shown.

Confirm it by hand:
    vfiocompat tables show ID""",
    ),
    "VFC209": Code(
        "info",
        "every requirement of the table holds",
        """\
A compatibility table read both version strings, and each of its requirements holds for
the pair. That is what is known about the driver, written down with its sources; it is
not an answer of the driver itself.

Confirm it by hand:
    vfiocompat tables show ID""",
    ),
    "VFC210": Code(
        "error",
        "the destination's value is lower than the source's",
        """\
The table demands that the destination is not lower than the source in this field:
state goes from a lower generation (or version, or size) to the same or a higher one.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS
Choose a destination as the help line says, or bring its firmware or driver up to the
source's.""",
    ),
    "VFC211": Code(
        "error",
        "the destination's value is higher than the source's",
        """\
The table demands that the destination is not higher than the source in this field.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC212": Code(
        "error",
        "source and destination differ in a field that has to be equal",
        """\
The table demands the same value on both sides: the driver compares the two exactly and
refuses the state otherwise.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS
Choose a destination with the source's value, or configure it so where the field is a
setting.""",
    ),
    "VFC213": Code(
        "error",
        "the destination's version is of another major version, or lower",
        """\
The table demands the same major version on both sides and, at the destination, the same
or a higher minor one; anything behind that does not matter.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC214": Code(
        "error",
        "the destination lacks something that the source has",
        """\
The table demands that everything in the source's set, or every bit of its mask, is in
the destination's too: the guest may be using it. What is missing is named.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC215": Code(
        "error",
        "the source's value is outside the destination's range",
        """\
The destination tells a range of values that it takes, both ends included, and the
source's is not in it.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS
Widen the range where it is a setting, or choose another destination.""",
    ),
    "VFC216": Code(
        "error",
        "something that the source has is missing or lower at the destination",
        """\
The field is a list of names with numbers. The table demands that each name of the
source is there at the destination with numbers that are not lower.

Confirm it by hand, on both hosts:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC217": Code(
        "error",
        "one side does not fulfil a condition",
        """\
The table demands something of one side alone, such as a lowest firmware version, and
the string of that side says otherwise.

Confirm it by hand:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC220": Code(
        "warning",
        "a value that the table needs is not known",
        """\
A requirement compares a field whose value is not known: the string has `?` in its
place, its format has no such field, or the value is in none of the table's generations.
Nothing is guessed, so the verdict is undetermined until it is known.

State what sysfs does not show, with the command that the help line names:
    vfiocompat check SOURCE DESTINATION --fact NAME=VALUE --destination-fact NAME=VALUE
or once and for all in /etc/vfiocompat/facts.d, see vfiocompat-facts(5).""",
    ),
    "VFC221": Code(
        "warning",
        "whether an exception refuses this pair is not known",
        """\
The table names a combination that does not work, and whether this is one depends on a
value that is not known. So the verdict is undetermined until it is known: state it with
--fact or --destination-fact.""",
    ),
    "VFC222": Code(
        "info",
        "an exception lifts a requirement for this pair",
        """\
The table names this combination as one that works although a requirement speaks
against it: that requirement counts as holding here.

Confirm it by hand:
    vfiocompat tables show ID""",
    ),
    "VFC223": Code(
        "info",
        "the version string is derived from facts",
        """\
The endpoint has no version attribute. A table made the string of what sysfs shows and
of what an operator states; `?` stands for what neither tells. Such a string is for
tables only: it is never written to a device.

Confirm it by hand:
    vfiocompat get --derive ADDRESS""",
    ),
    "VFC224": Code(
        "warning",
        "the table makes no version string of this endpoint's facts",
        """\
A table speaks for the endpoint's driver, but the endpoint has no version attribute, and
the table does not say how to derive its string from facts. So there is nothing to
evaluate. Where the string is known otherwise, give it as version:STRING.""",
    ),
    "VFC225": Code(
        "info",
        "the stated facts were not needed",
        """\
Facts were stated with --fact or --destination-fact for an endpoint whose driver prints
a version string. That string was used, and no string derived from facts takes its
place.""",
    ),
    "VFC228": Code(
        "error",
        "a stated fact cannot be used",
        """\
What an operator states of an endpoint, in /etc/vfiocompat/facts.d or with --fact, is
the name of a fact or of a field of the table for its driver, and a value that the
field can have. A value that sysfs shows cannot be stated otherwise.

The facts and fields there are:
    vfiocompat tables show ID
The files are described in vfiocompat-facts(5).""",
    ),
    "VFC301": Code(
        "error",
        "the version string is empty or cut short",
        """\
A version string has at least one character. An empty one is never written: the
kernel answers an empty write(2) with success and does not ask the driver, so it would
look compatible with everything.""",
    ),
    "VFC302": Code(
        "error",
        "the version string is too long",
        """\
A sysfs attribute carries one page, so a version string has at most 4095 bytes and one
newline.""",
    ),
    "VFC303": Code(
        "error",
        "the version string is not printable ASCII",
        """\
The attribute's definition allows printable ASCII (0x20 to 0x7e), one line of it. A
string with other bytes is shown with them made visible, and is not compared or
written.""",
    ),
    "VFC304": Code(
        "error",
        "source and destination are of different vendors",
        """\
The vendor ids at the head of the two version strings name different vendors,
whatever their spelling. No driver was asked, and none loads another vendor's state.

Confirm it by hand:
    vfiocompat parse STRING""",
    ),
    "VFC305": Code(
        "warning",
        "the vendor ids may or may not mean the same vendor",
        """\
One string names a PCI vendor and the other a plain 32-bit number whose low 16 bits
are the same (`8086-` beside `0x8086-`). The thread of March 2019 wrote both and never
settled it, so nothing is concluded.""",
    ),
    "VFC401": Code(
        "error",
        "the inventory cannot be used",
        """\
The file cannot be read, is cut off, is another kind of document, or holds something
that no scan writes; or a fleet has no inventory at all. With several inventories the
others are used, and the exit code is 4 all the same: what is said of the fleet is not
said of this host.

Make it again, on its host:
    vfiocompat scan -o FILE
A scan replaces its file as a whole, so a file that is cut off was copied while it was
not complete, or by something that does not care.""",
    ),
    "VFC402": Code(
        "warning",
        "the inventory is too old to be relied on",
        """\
The inventory is older than --max-age allows, or its time is in the future or none, so
that its age is not known. What it says may no longer hold, so all of it counts as
unknown.

Scan the host again; see whether its timer runs, and whether its clock is right:
    systemctl list-timers vfiocompat-scan.timer
    timedatectl""",
    ),
    "VFC404": Code(
        "warning",
        "the recorded answer is too old to be relied on",
        """\
The destination's driver was asked about this string, but longer ago than --max-age
allows, or at a time in the future. The answer counts as unknown. Ask again, on the
destination's host:
    vfiocompat scan --ask FLEET -o FILE""",
    ),
    "VFC405": Code(
        "warning",
        "the destination's driver was not asked about the source's string",
        """\
The destination has a version attribute, so its driver could tell, but it is on another
host, and its inventory holds no answer to this string. Ask there, ahead of time:
    vfiocompat scan --ask FLEET -o FILE
where FLEET holds the source's inventory, or check the pair on that host itself.""",
    ),
    "VFC406": Code(
        "error",
        "another scan has held the lock for too long",
        """\
Two scans of one file never overlap. The other one has been at it for longer than
--stale allows, so something is wrong with it: see what it does, and end it if it is
stuck. A call that a driver holds does not keep the lock: only the scan itself does.
    ps -o pid,etime,stat,wchan:32,args -p PID""",
    ),
    "VFC407": Code(
        "info",
        "another scan is at work, so this one did nothing",
        """\
Two scans of one file never overlap. The other one will replace the file when it is
done. With --wait S this one waits for it.""",
    ),
    "VFC408": Code(
        "warning",
        "a host is in the fleet twice",
        """\
Two inventories name the same host. The newer one is used, the other is passed over, and
the exit code is 4. Remove the older one; or, if these are two hosts of one name, give
them names of their own:
    vfiocompat scan --host NAME""",
    ),
    "VFC409": Code(
        "warning",
        "the clock has gone backwards since the last scan",
        """\
The inventory that is to be replaced is from the future, by this host's clock. It is
replaced all the same, and answers recorded at a time in the future are asked again. See
whether the clock is right:
    timedatectl""",
    ),
    "VFC410": Code(
        "warning",
        "the verdict rests on less than --require asks for",
        """\
The pair would be compatible, but by a compatibility table or by a recorded answer, and
--require demands more: `driver` that the driver was asked now, `recorded` that it was
asked at some time. So it counts as undetermined.""",
    ),
    "VFC411": Code(
        "error",
        "there is no such endpoint any more",
        """\
In the older of the two fleets there was an endpoint of this class, in the newer one
there is none: it was removed, its host is gone, or it has become another one.""",
    ),
    "VFC412": Code(
        "warning",
        "the inventory that was there could not be used",
        """\
A scan takes from the file that it replaces which questions drivers have answered. The
file could not be used for that, so every question is asked again; it is replaced all
the same.""",
    ),
    "VFC421": Code(
        "warning",
        "several version strings would have one trait",
        """\
Placement's traits have capital letters, digits and underscores only, so version strings
that differ in other characters get the same name. Such a trait is given to a provider
only if it accepts every one of these strings: a flavor that demands it is then right
whichever was meant.""",
    ),
    "VFC422": Code(
        "error",
        "the other program would not take this",
        """\
The program that the export is for has a limit which this would break: Node Feature
Discovery ignores a file of more than 65536 bytes, and a trait of Placement has at most
255 characters. Nothing was written; a file that was there is as it was.

Name a smaller FLEET: the hosts whose devices may come to this one.""",
    ),
    "VFC501": Code(
        "error",
        "the command line cannot be understood",
        """\
An option or argument is unknown, missing, or does not fit the others. Nothing was
done. `vfiocompat COMMAND --help` shows what there is.""",
    ),
    "VFC502": Code(
        "error",
        "this is not an address",
        """\
An endpoint is written in one of these ways:
    83b8f4f2-509f-382f-3c1e-e6bfe0fa1001    an mdev device
    0000:00:02.0/i915-GVTg_V5_4             an mdev type under a parent
    0000:03:00.4                            a PCI function
    0000:03:00.4/1414                       an NVIDIA function as one of its types
    /sys/...                                any of them by path
    version:STRING                          a literal version string""",
    ),
    "VFC503": Code(
        "error",
        "the command could not be completed",
        """\
The system refused something that the command cannot do without. The message names
the path and the reason.""",
    ),
    "VFC504": Code(
        "error",
        "there is no such endpoint on this host",
        """\
Nothing is at that address now. The message names what exists that is close.
`vfiocompat list` shows all endpoints.""",
    ),
    "VFC505": Code(
        "error",
        "a path of sysfs could not be read",
        """\
The kernel refused to list or read a path that describes a device. What could be read
is shown all the same.""",
    ),
    "VFC506": Code(
        "info",
        "this host has no mdev types, no mdev devices and no VFIO functions",
        """\
/sys/class/mdev_bus and /sys/bus/mdev/devices are missing or empty, and no PCI
function is bound to a VFIO driver. Load the vendor driver (for mdev also the module
mdev), enable the virtual functions and bind them to their variant driver.

Confirm it by hand:
    ls /sys/class/mdev_bus /sys/bus/mdev/devices
    ls /sys/bus/pci/drivers | grep vfio""",
    ),
    "VFC507": Code(
        "error",
        "there is no sysfs there",
        """\
The directory given by --sysroot (or VFIOCOMPAT_SYSROOT) stands for `/`, so it must
hold a directory named sys. `vfiocompat simulate SPEC MOUNTPOINT` makes such a one.""",
    ),
    "VFC510": Code(
        "error",
        "the specification of the simulation has mistakes",
        """\
Every mistake is listed with its dotted key. vfiocompat-simulate(8) describes the
specification.""",
    ),
    "VFC511": Code(
        "error",
        "the simulation cannot be served",
        """\
Serving a simulated /sys needs FUSE: the Python package mfusepy (the extra
`simulate`), the library libfuse3, the device /dev/fuse, and an empty directory to
mount it on.""",
    ),
    "VFC512": Code(
        "error",
        "the file could not be written",
        """\
The folder may be missing or read-only, the disk full, or the file not a regular one. A
file is written beside the one it replaces and takes its name once it is complete, so
one that was there is as it was.

Confirm it by hand:
    ls -ld FOLDER; df FOLDER; touch FOLDER/x""",
    ),
    "VFC520": Code(
        "error",
        "the device is in use, so it was not opened",
        """\
A process has the device, or its group, open: a virtual machine most likely. Only one
user can have a VFIO device, so its migration interface cannot be asked for now. Without
--open the kernel's debugfs may tell.

Confirm it by hand:
    fuser -v /dev/vfio/GROUP""",
    ),
    "VFC521": Code(
        "error",
        "the device may not be opened",
        """\
open(2) of the device's node gave EACCES or EPERM. Run the command as root, or give
yourself the right to the node, as a virtual machine's user has it.

Confirm it by hand:
    ls -l /dev/vfio""",
    ),
    "VFC522": Code(
        "error",
        "the device has no IOMMU",
        """\
Without an IOMMU a device cannot be opened safely. It has to be switched on in the
firmware (VT-d, AMD-Vi, SMMU) and, on some machines, on the kernel's command line
(intel_iommu=on). A node /dev/vfio/noiommu-N is that of a device without one: it is not
opened, and QEMU has no use for it.

Confirm it by hand:
    ls /sys/kernel/iommu_groups""",
    ),
    "VFC523": Code(
        "error",
        "the device has no node to open",
        """\
There is no /dev/vfio, or no node of the device's group in it: the module vfio is not
loaded, or no VFIO driver has the device. In a container the nodes have to be given to
it.

Confirm it by hand:
    ls -l /dev/vfio; readlink DEVICE/driver""",
    ),
    "VFC524": Code(
        "error",
        "the device could not be opened",
        """\
The kernel refused a step on the way to the device; the summary says which, and the
errno. A group is not viable while another function of it is bound to a driver that is
not VFIO's. The kernel log often says more: dmesg | tail.""",
    ),
    "VFC525": Code(
        "warning",
        "the device is opened, which may reset it",
        """\
With --open the device itself is asked (VFIO_DEVICE_FEATURE). Its driver may reset it
when it is opened and closed. No process has it open, or it would not be done.""",
    ),
    "VFC530": Code(
        "info",
        "the VM has no VFIO device: there is nothing to load",
        """\
Nothing in the VM's description attaches a device through VFIO: no <hostdev> of type
mdev or pci, no <interface type='hostdev'>, no -device vfio-pci. So no device's state
stands in the way of a migration.

Confirm it by hand:
    virsh dumpxml NAME | grep -A3 hostdev""",
    ),
    "VFC531": Code(
        "error",
        "the VM has several VFIO devices, and not all of them support P2P",
        """\
Devices that may write to each other have to be stopped together: QEMU migrates several
VFIO devices only if all of their drivers support the state RUNNING_P2P (the flag P2P).
QEMU 8.0 and 8.1 migrate no VM with more than one. QEMU's
text is
    Multiple VFIO devices migration is supported only if all of them support P2P
    migration

Confirm it by hand, for each device:
    vfiocompat device ADDRESS
To mend it, leave the VM one device, or unplug the others for the migration.""",
    ),
    "VFC532": Code(
        "error",
        "post-copy is switched on, which QEMU refuses for a VM with VFIO devices",
        """\
With post-copy the destination runs before it has all memory, which a device that
writes to memory by itself cannot wait for. QEMU since 8.2 ends such a migration when
it starts, with "VFIO migration is not supported with postcopy migration", and never
lists it among the reasons why migration is blocked.

Confirm it by hand:
    {"execute": "query-migrate-capabilities"}
To mend it, switch postcopy-ram off; for nova, live_migration_permit_post_copy.""",
    ),
    "VFC533": Code(
        "error",
        "migration is switched off for a device",
        """\
QEMU was told not to migrate the device: enable-migration=off (since QEMU 8.1; before,
it was x-enable-migration, which is off by default). Then it refuses to migrate the VM,
with "Migration is disabled for VFIO device".

Confirm it by hand, at the QEMU monitor:
    {"execute": "qom-get", "arguments": {"path": "/machine/peripheral/ID",
     "property": "enable-migration"}}
To mend it, start the VM with enable-migration=auto, which is the default, or on.""",
    ),
    "VFC534": Code(
        "error",
        "the hosts' NVIDIA drivers differ, and the machine type is older than 9.1",
        """\
A vGPU's PCI config space has a vendor-specific capability that differs where the host
drivers differ. QEMU compares it with the destination's when it loads the device, and
fails, unless skip-vsc-check is on: it is with machine types from 9.1 on, and off with
older ones, whatever QEMU runs them, unless QEMU was told otherwise for the device.

Confirm it by hand, on both hosts and for the VM:
    cat /sys/module/nvidia_vgpu_vfio/version
    virsh dumpxml NAME | grep machine=
To mend it, have one driver version on both hosts, or start the VM with a machine type
of 9.1 or newer and without skip-vsc-check=off.""",
    ),
    "VFC535": Code(
        "warning",
        "the hosts' NVIDIA drivers differ, and what the machine type does is not known",
        """\
Across host drivers a vGPU migrates only where QEMU does not compare its
vendor-specific capability: with skip-vsc-check, which machine types from 9.1 on have.
The machine type is one of a distribution's (pc-q35-rhel9.4.0, pc-q35-noble) or an
alias (q35), whose QEMU version it does not tell.

Confirm it by hand, at the QEMU monitor:
    {"execute": "qom-get", "arguments": {"path": "/machine/peripheral/ID",
     "property": "skip-vsc-check"}}
`vfiocompat vm qmp:SOCKET` reads that.""",
    ),
    "VFC536": Code(
        "info",
        "a device is unplugged before the migration",
        """\
The device is one half of a team (<teaming type='transient'>, QEMU's failover_pair_id):
QEMU unplugs it when a migration starts, and plugs one in at the destination. Its state
is not migrated, so it needs no compatible device there; the guest is without it in the
meantime.""",
    ),
    "VFC537": Code(
        "error",
        "QEMU says that it cannot migrate the device",
        """\
The device has no migration interface that this QEMU knows: its driver has none
(ENOTTY), or it is one of the first kind (Linux 5.8 to 5.17) under a QEMU since 8.0, or
of the second (Linux 5.18 and newer) under an older one. QEMU's texts are "VFIO
migration is not supported in kernel" and, before 8.1, "VFIO device doesn't support
migration"; the latter also where x-enable-migration is off, which was the default then.

Confirm it by hand:
    vfiocompat device ADDRESS; readlink /sys/bus/pci/devices/FUNCTION/driver
To mend it, bind the device to its variant driver, or update QEMU or the kernel.""",
    ),
    "VFC538": Code(
        "error",
        "QEMU could not initialize the device's migration",
        """\
The device's driver has a migration interface, and asking it failed with an errno,
which QEMU shows: "Migration couldn't be initialized for VFIO device". QEMU's log and
the kernel's say more: dmesg | tail.""",
    ),
    "VFC539": Code(
        "error",
        "nothing tracks what the device writes to memory",
        """\
While memory is copied somebody has to note which pages a device writes: its driver, or
the IOMMU. Neither can here, and with enable-migration=auto QEMU then refuses the
migration. With enable-migration=on it goes on, and takes all memory for written, so
that all of it is copied while the VM stands still.

Confirm it by hand:
    vfiocompat device --open ADDRESS
DIRTY_TRACKING is the device's own way of doing it.""",
    ),
    "VFC540": Code(
        "error",
        "the VM has a virtual IOMMU",
        """\
QEMU refuses to migrate this VM because of its virtual IOMMU (intel-iommu, virtio-iommu,
smmuv3): "Migration is currently not supported with vIOMMU enabled". Which ones it
refuses differs between versions. Start the VM without one, or have a newer QEMU.

Confirm it by hand:
    virsh dumpxml NAME | grep -A2 '<iommu'""",
    ),
    "VFC541": Code(
        "error",
        "QEMU refuses to migrate the VM now",
        """\
QEMU lists a reason why migration is blocked, which is shown as QEMU words it. It may
be about another device than VFIO's, or pass by itself.

Confirm it by hand, at the QEMU monitor:
    {"execute": "query-migrate"}""",
    ),
    "VFC542": Code(
        "error",
        "the VM has a device that QEMU cannot migrate",
        """\
QEMU knows no way to save the device's state: vfio-ap and vfio-ccw are such, and so are
some that VFIO has nothing to do with. Detach the device for the migration, and attach
one at the destination.

Confirm it by hand, at the QEMU monitor:
    {"execute": "query-migrate"}""",
    ),
    "VFC543": Code(
        "info",
        "whether interfaces of networks are VFIO devices is not told",
        """\
An <interface type='network'> is a function that VFIO gives to the VM if its network is
a pool of functions (<forward mode='hostdev'>), and else it is none. Only the XML of a
VM that runs tells which; that of one that is shut off, and the migratable one that a
hook gets, do not. So nothing is decided about these interfaces.

Confirm it by hand:
    virsh net-dumpxml NETWORK | grep forward
To have them looked at, ask for the VM while it runs, as libvirt:NAME.""",
    ),
    "VFC544": Code(
        "info",
        "whether all of the VM's VFIO devices support P2P is not known",
        """\
QEMU migrates several VFIO devices only if all of their drivers support the state
RUNNING_P2P. The kernel tells that since 6.18, in debugfs, where it is built with
CONFIG_VFIO_DEBUGFS; what does not tell it forbids nothing. Opened, a device always
tells it.

Confirm it by hand, for each device, while the VM does not run:
    vfiocompat device --open ADDRESS
QEMU itself is asked with `vfiocompat vm qmp:SOCKET`.""",
    ),
    "VFC545": Code(
        "error",
        "there is not room for all of the VM's devices",
        """\
Each device has endpoints at the destination that can load its state, but there is no
way to give each an instance of its own: the devices that are named can only go to the
endpoints that are named, and these have fewer instances free. That is capacity and not
compatibility.

Confirm it by hand, on the destination:
    vfiocompat list
To mend it, make room there: remove mdevs that nobody uses, or choose another host.""",
    ),
    "VFC546": Code(
        "warning",
        "it is not known whether there is room for all of the VM's devices",
        """\
An assignment was found, and it rests on what the host does not tell. That may be
whether an mdev or a function that is there already is used: `vfiocompat scan` tells it
where it runs as root, outside containers. Or several instances are needed of one
parent: its types share its capacity, creating one changes how many there can be of the
others, and only the driver knows how. Or a device's only free instance is one of
which it is not determined whether it can load the state.

To learn it, create the mdevs, or set the vGPU types, before the migration: 'vm --plan'
prints the commands.""",
    ),
    "VFC547": Code(
        "error",
        "no endpoint of the destination can load the device's state",
        """\
All VFIO endpoints of the host were looked at. The one that is closest to what the
device needs is shown with its reasons.

To see each of them:
    vfiocompat check DEVICE DESTINATION...""",
    ),
    "VFC548": Code(
        "warning",
        "the destination has no device of this address now",
        """\
With --as-is each of the VM's devices is to have the address at the destination that
the VM's description gives it, as virsh migrate takes it. There is none of that
address yet. An mdev has to be created before the VM comes, and a function be bound to
its VFIO driver; until then nothing can be told.

Without --as-is, 'vfiocompat vm' looks for endpoints by itself, and 'vm --xml' gives
the description with their addresses.""",
    ),
    "VFC550": Code(
        "error",
        "this is no domain XML that can be used",
        """\
A VM's description is libvirt's domain XML, as 'virsh dumpxml NAME' writes it: UTF-8,
at most 4 MiB, with <domain> as its root, and without a document type: such XML is
refused, since a document type can name other files and entities that grow without end.
Each VFIO device has to have its address, which no other one has. The element is named,
and its line. It may also be that the file cannot be read.""",
    ),
    "VFC551": Code(
        "error",
        "virsh could not give the VM's XML",
        """\
'virsh dumpxml' failed, and its own words are shown; or virsh is not installed, or did
not answer in --timeout. There may be no domain of that name,
no libvirt daemon at the connection, or no right to it. For 'vm --xml' the connection
has to be one that may change the domain, since libvirt gives migratable XML to no
other.

Confirm it by hand:
    virsh --connect URI list --all""",
    ),
    "VFC552": Code(
        "error",
        "QEMU's monitor could not be asked",
        """\
The socket is not there, nobody listens at it, it is no QMP monitor, or QEMU did not
answer in --timeout. A monitor talks to one client at a time, and the others wait: the
one of a VM of libvirt's is libvirt's, so ask for libvirt:NAME, or give QEMU another
monitor:
    -qmp unix:SOCKET,server=on,wait=off""",
    ),
    "VFC553": Code(
        "error",
        "this QEMU is too old to be asked",
        """\
QEMU does not know one of the commands that vfiocompat sends. All of them only query,
and QEMU knows them since 2.12; why migration is blocked it tells since 6.0.""",
    ),
    "VFC554": Code(
        "error",
        "the package qemu.qmp is not installed",
        """\
Talking to a running QEMU takes the Python package qemu.qmp, of the QEMU project:
    pip install 'vfiocompat[qmp]'""",
    ),
    "VFC555": Code(
        "error",
        "one of the VM's devices is not where the VM runs",
        """\
The VM's description names an mdev or a PCI function that the host does not have, so
what its state needs cannot be told. Either the VM runs on another host, whose
inventory --from names, or it is shut off and the device was not created yet.

Confirm it by hand:
    ls /sys/bus/mdev/devices /sys/bus/pci/devices""",
    ),
    "VFC556": Code(
        "error",
        "several hosts have all of the VM's devices",
        """\
PCI addresses are alike on hosts that are alike, so the VM's devices do not tell on
which of the hosts of --from it runs. Name that host's inventory alone.""",
    ),
    "VFC557": Code(
        "error",
        "there is no XML of the VM to be rewritten",
        """\
'vm --xml' takes libvirt's domain XML and puts in the addresses that the devices have
at the destination. A QEMU that is asked over its monitor has none: name the VM as
libvirt:NAME or domain:FILE.xml. And libvirt's XML for a destination does not name a
function of a network's pool, since the libvirt there chooses another one.""",
    ),
    "VFC558": Code(
        "error",
        "the VM's XML was made for another host",
        """\
`vfiocompat vm --xml` writes into the XML for which host it is, and what each device
there stands for. This XML is for another host, or by --from the VM comes from another
one than it says, so what it says does not count here: it may be what is left of an
earlier migration. Make it again for this host, or name the inventory of the host that
the VM runs on with --from.""",
    ),
    "VFC559": Code(
        "error",
        "nothing tells what the VM's devices were before they came here",
        """\
With --as-is and `here`, the addresses in the VM's description are those of devices of
this host, which are to load the state of others. Which these are says the manifest
that `vfiocompat vm --xml` writes into the XML where the VM runs; without one, --from
names the inventory of that host, whose devices then have to have these addresses.""",
    ),
    "VFC599": Code(
        "error",
        "vfiocompat itself has failed: this is a bug",
        """\
Something happened that the program does not expect. Run the same command with -v and
report what it prints, with the version strings and paths involved. The exit code is
70, so that it is never mistaken for a verdict.""",
    ),
}
