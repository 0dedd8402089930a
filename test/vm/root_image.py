"""The machine's disk, kernel and initrd: made once from Debian's packages (about three minutes), then kept in
/var/cache until the list of packages or this file changes. ZFS's module, which Debian has as sources alone, is compiled for
the machine's kernel in a tree of its own (seven minutes more) and kept for as long as both stay the same."""

import contextlib
import fcntl
import functools
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path("/var/cache/lightervisor/vm")
DISK_SIZE = "6G"
MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "ext4"]

# Runs as the initrd's only program: loads what finds the disk, then hands over to systemd.
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules/order); do /bin/busybox insmod "/modules/$module"; done
while ! [ -b /dev/vda ]; do /bin/busybox usleep 20000; done
/bin/busybox mount -t ext4 -o noatime /dev/vda /root
/bin/busybox mount --move /dev /root/dev
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /lib/systemd/systemd
"""

# The job: a tar on the second disk, run as a service of the booted system; what it says goes out by the first virtual
# console, and the machine ends with it.
JOB_UNIT = """[Unit]
Description=What the machine was started for
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/vm-job
StandardOutput=file:/dev/hvc0
StandardError=inherit
TimeoutStartSec=infinity
Delegate=yes
"""

JOB = """#!/bin/sh
stty raw -echo </dev/hvc0
stty raw -echo </dev/hvc1
mkdir -p /job
tar -xf /dev/vdb -C /job
code=0
/job/main || code=$?
echo "exit	$code" >/dev/hvc1
sync
sleep 0.3
echo b >/proc/sysrq-trigger
"""

MASKED = [
    *("apparmor.service", "lxcfs.service", "lxc.service", "lxc-net.service", "lxc-monitord.service", "lxd.socket", "lxd.service"),
    *("lxd-containers.service", "lxd-agent.service", "dnsmasq.service", "rsync.service", "getty.target", "timers.target"),
    *("systemd-timesyncd.service", "systemd-logind.service", "systemd-update-utmp.service", "systemd-random-seed.service"),
    *("ldconfig.service", "systemd-udev-settle.service", "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service"),
    *("e2scrub_reap.service", "systemd-firstboot.service", "zfs.target", "zfs-mount.service", "zfs-share.service"),
    *("zfs-import-cache.service", "zfs-volume-wait.service", "zfs-zed.service"),
]


class Image:
    def __init__(self, folder):
        self.disk = folder / "disk.ext4"
        self.kernel = folder / "vmlinuz"
        self.initrd = folder / "initrd"


def get(programs):
    """The image on which `programs` find their libraries."""
    packages = sorted({*_listed(), *_packages_of_libraries(programs)})
    key = hashlib.sha256("\n".join([release(), *packages, Path(__file__).read_text(encoding="utf-8")]).encode()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = CACHE / key
        if not folder.exists():
            # Two stay: other checkouts may have other lists.
            for old in sorted(filter(Path.is_dir, CACHE.iterdir()), key=os.path.getmtime)[:-2]:
                shutil.rmtree(old)
            print(f"making the machine's disk in {folder} ({len(packages)} packages)", flush=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                _build(Path(work), packages)
                fresh = Path(work) / "image"
                fresh.rename(folder)
    return Image(folder)


def _listed():
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _packages_of_libraries(programs):
    libraries = set()
    for program in programs:
        shown = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        libraries |= {word for word in shown.split() if word.startswith("/")}
    return {_package_of(library) for library in libraries}


@functools.cache
def _package_of(library):
    # dpkg knows a file by the path it was packed under, which may be without /usr.
    path = os.path.realpath(library)
    for name in (path, path.removeprefix("/usr"), f"/usr{path}"):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise RuntimeError(f"{library} is of no package")


def release():
    """This host's own Debian, which is the machine's too; None on any other system."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    here = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    return here.get("VERSION_CODENAME") if here.get("ID") == "debian" else None


def _apt(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _sources():
    """Of Debian itself, as this machine's own apt has them: its updates too, so that libraries are not older there."""
    shown = _apt("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages", "Origin: Debian")
    wanted = {f"{release()}{part}" for part in ("", "-updates", "-security")}
    lines = {tuple(line.split()) for line in shown.splitlines()}
    # contrib: what is free itself, ZFS for one.
    found = sorted(f"deb {site} {suite} {part} contrib" for site, suite, part in lines if suite in wanted and part == "main")
    if not found:
        raise RuntimeError(f"apt on this machine has no archive with {release()}: run apt-get update")
    return found


def _bootstrap(tree, packages, *more):
    proxy = _apt("apt-config", "shell", "proxy", "Acquire::http::Proxy").partition("'")[2].rstrip("'\n")
    command = [
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt", "--format=directory", f"--include={','.join(packages)}"),
        *("--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*"),
        *("--dpkgopt=path-exclude=/usr/share/locale/*", *more),
        *([f'--aptopt=Acquire::http::Proxy "{proxy}"'] if proxy else []),
        *(release(), tree),
        *_sources(),
    ]
    subprocess.run([str(part) for part in command], check=True)


def _zfs_modules(work, tree, kernel):
    """A tar of them, to be unpacked in the folder of the kernel's modules; of the version that the machine's tools have."""
    shown = subprocess.run(["chroot", tree, "dpkg-query", "-W", "-f", "${Version}", "zfsutils-linux"], check=True, capture_output=True, text=True)
    kept = CACHE / f"zfs-{shown.stdout}-{kernel}.tar"
    if not kept.exists():
        for old in CACHE.glob("zfs-*.tar"):
            old.unlink()
        print(f"compiling the module of ZFS {shown.stdout} for Linux {kernel}", flush=True)
        builder, fresh = work / "builder", work / "zfs.tar"
        _bootstrap(builder, [f"linux-headers-{kernel}", "zfs-dkms"])
        subprocess.run(["tar", "-C", builder / "usr/lib/modules" / kernel, "-cf", fresh, "updates"], check=True)
        shutil.rmtree(builder)
        fresh.rename(kept)
    return kept


def _build(work, packages):
    tree = work / "tree"
    # Not installed, which would make an initrd that takes a minute to boot; and not unpacked over the link that /lib is.
    kernel = (
        'chroot "$1" sh -c "apt-get -qq -y --download-only --no-install-recommends install linux-image-cloud-amd64'
        ' && dpkg -x /var/cache/apt/archives/linux-image-[0-9]*.deb /kernel"'
    )
    _bootstrap(tree, packages, f"--customize-hook={kernel}")
    image = work / "image"
    image.mkdir()
    shutil.copy(next((tree / "kernel/boot").glob("vmlinuz-*")), image / "vmlinuz")
    (tree / "kernel/lib/modules").rename(tree / "usr/lib/modules")
    modules = next((tree / "usr/lib/modules").iterdir())
    subprocess.run(["tar", "-C", modules, "-xf", _zfs_modules(work, tree, modules.name)], check=True)
    subprocess.run(["chroot", tree, "/sbin/depmod", modules.name], check=True)
    (image / "initrd").write_bytes(_initrd(tree, modules))
    _configure(tree)
    shutil.rmtree(tree / "kernel")
    for path in (tree / "var/cache/apt/archives").glob("*.deb"):
        path.unlink()
    disk = image / "disk.ext4"
    subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", "-d", tree, disk, DISK_SIZE], check=True)


def _configure(tree):
    (tree / "etc/fstab").write_text("")
    (tree / "etc/hostname").write_text("vm\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost vm\n::1 localhost\n")
    (tree / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        link = units / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    (units / "vm-job.service").write_text(JOB_UNIT)
    wants = units / "multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "vm-job.service").symlink_to("/etc/systemd/system/vm-job.service")
    job = tree / "usr/local/sbin/vm-job"
    job.write_text(JOB)
    job.chmod(0o755)
    with contextlib.suppress(FileNotFoundError):
        (units / "default.target").unlink()
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")


def _module_files(modules):
    """MODULES and what they need, in the order in which they are loaded."""
    needs, order = {}, []
    for line in (modules / "modules.dep").read_text(encoding="utf-8").splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    # ext4 asks for a checksum by name, which modules.dep does not tell.
    wanted = [path for name in ("crc32c_generic", *MODULES) for path in needs if Path(path).name.split(".ko")[0] == name]
    for path in wanted:
        for needed in [*reversed(needs[path]), path]:
            if needed not in order:
                order.append(needed)
    return order


def _initrd(tree, modules):
    folder = tree.parent / "initrd"
    for name in ("bin", "dev", "proc", "root", "modules"):
        (folder / name).mkdir(parents=True)
    shutil.copy(tree / "bin/busybox", folder / "bin/busybox")
    order = _module_files(modules)
    for path in order:
        shutil.copy(modules / path, folder / "modules")
    (folder / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in order))
    (folder / "init").write_text(INIT)
    (folder / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    packed = subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=folder, input=names.encode(), check=True, capture_output=True)
    return _gzip(packed.stdout)


def _gzip(content):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as file:
        file.write(content)
    return out.getvalue()
