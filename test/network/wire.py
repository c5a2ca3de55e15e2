"""The wires of a network for tests: namespaces, a router between them, and what happens to packets on the way.

Started by network.ts as `wire.py SEED HOST...`. The first host is the network namespace in which this runs, every other one has
one of its own. Each host is tied to the router by a wire: a TUN device at either end, whose packets pass through this program,
which delays, loses and reorders them as it is told. The router is a namespace that forwards as the kernel does, with the
firewall that is loaded into it.

Standard input has one JSON object a line: {"id": 1, "do": "impair", "from": "a", "to": "b", ...}; standard output answers each
with {"id": 1, ...}, after a first line that says where the namespaces are. The namespaces exist as long as this program and what
runs in them: nothing of them has a name that could stay behind. It ends when its standard input does.
"""
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES = 65_536
# Packets of one device before others have their turn.
TURN = 64
# How long a packet is held beyond others for them to overtake it.
OVERTAKEN_S = 0.02

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace:
    """A network namespace, entered by `with`."""

    def __init__(self, fresh):
        before = os.open("/proc/self/ns/net", os.O_RDONLY)
        if fresh:
            checked(libc.unshare(CLONE_NEWNET))
        self.fd = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.home = before
        checked(libc.setns(before, CLONE_NEWNET))
        with self:
            ip("link", "set", "lo", "up")
            # Neighbour discovery of IPv6 would be packets that nobody has sent.
            put("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1")
            put("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")

    def __enter__(self):
        checked(libc.setns(self.fd, CLONE_NEWNET))

    def __exit__(self, *_):
        checked(libc.setns(self.home, CLONE_NEWNET))

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.fd}"


def ip(*words):
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


def put(file, value):
    if os.path.exists(file):
        with open(file, "w", encoding="ascii") as out:
            out.write(value)


def tun(namespace, name, address, peer):
    """Makes a TUN device with addresses of its own and of its other end; its file."""
    with namespace:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        ip("address", "add", address, "peer", peer, "dev", name)
        ip("link", "set", name, "up", "txqueuelen", "2000")
    return fd


class Way:
    """From one host to another: what happens to packets, and what happened."""

    def __init__(self, chance):
        self.chance = chance
        self.delay = self.jitter = self.loss = self.reorder = 0.0
        self.cut = False
        self.counts = dict(forwarded=0, delayed=0, lost=0, reordered=0, cut=0)
        self.next = self.highest = 0
        self.last_due = 0.0

    def take(self, packet, fd, now, held):
        if self.cut:
            self.counts["cut"] += 1
            return
        if self.loss > 0 and self.chance.random() < self.loss:
            self.counts["lost"] += 1
            return
        number = self.next
        self.next += 1
        # Jitter alone keeps the order.
        due = max(now + self.delay + self.jitter * self.chance.random(), self.last_due)
        if self.reorder > 0 and self.chance.random() < self.reorder:
            due += OVERTAKEN_S
        else:
            self.last_due = due
        if due <= now:
            self.send(packet, fd, number)
        else:
            self.counts["delayed"] += 1
            heapq.heappush(held, (due, number, id(self), self, packet, fd))

    def send(self, packet, fd, number):
        if self.cut:
            self.counts["cut"] += 1
            return
        self.counts["forwarded"] += 1
        if number < self.highest:
            self.counts["reordered"] += 1
        self.highest = max(self.highest, number)
        write(fd, packet)


def write(fd, packet):
    try:
        os.write(fd, packet)
    except OSError:
        pass  # the other end has no room: a network may lose packets


class Network:
    def __init__(self, seed, names):
        self.router = Namespace(True)
        with self.router:
            put("/proc/sys/net/ipv4/ip_forward", "1")
        self.hosts = {}
        # File of a device → file of the wire's other end, and whether packets come from a host.
        self.wires = {}
        addresses = {}
        for index, name in enumerate(names, 1):
            namespace = Namespace(index > 1)
            here, gateway = f"10.77.{index}.2", f"10.77.{index}.1"
            host = tun(namespace, "wire", here, gateway)
            with namespace:
                ip("route", "add", "default", "via", gateway)
            port = tun(self.router, f"host{index}", gateway, here)
            self.wires[host], self.wires[port] = (port, True), (host, False)
            self.hosts[name] = {"address": here, "namespace": namespace.path}
            addresses[name] = bytes(map(int, here.split(".")))
        self.ways = {(a, b): Way(random.Random(f"{seed} {a} {b}")) for a in names for b in names if a != b}
        self.by_address = {addresses[a] + addresses[b]: way for (a, b), way in self.ways.items()}
        self.held = []

    def about(self):
        return {"hosts": self.hosts, "router": self.router.path}

    def relay(self, fd):
        other, from_host = self.wires[fd]
        for _ in range(TURN):
            try:
                packet = os.read(fd, PACKET_BYTES)
            except OSError:
                return
            way = self.by_address.get(packet[12:20]) if from_host else None
            if way is not None:
                way.take(packet, other, time.monotonic(), self.held)
            elif packet[0] >> 4 == 4:
                write(other, packet)

    def release(self):
        """Sends what is due; seconds until more is."""
        now = time.monotonic()
        while self.held and self.held[0][0] <= now:
            _, number, _, way, packet, fd = heapq.heappop(self.held)
            way.send(packet, fd, number)
        return self.held[0][0] - now if self.held else None

    def obey(self, order):
        what = order["do"]
        if what == "counts":
            return {"ways": [{"from": a, "to": b, **way.counts} for (a, b), way in self.ways.items()]}
        way = self.ways[order["from"], order["to"]]
        if what == "impair":
            way.delay, way.jitter = order["delayMs"] / 1000, order["jitterMs"] / 1000
            way.loss, way.reorder = order["loss"], order["reorder"]
        elif what == "cut":
            way.cut = order["cut"]
        else:
            raise ValueError(what)
        return {}


def main():
    seed, *names = sys.argv[1:]
    network = Network(seed, names)
    print(json.dumps(network.about()), flush=True)
    poll = select.poll()
    for fd in [0, *network.wires]:
        poll.register(fd, select.POLLIN)
    text = b""
    while True:
        wait = network.release()
        for fd, _ in poll.poll(None if wait is None else wait * 1000):
            if fd != 0:
                network.relay(fd)
                continue
            read = os.read(0, PACKET_BYTES)
            if not read:
                return
            *lines, text = (text + read).split(b"\n")
            for line in lines:
                order = json.loads(line)
                print(json.dumps({"id": order["id"], **network.obey(order)}), flush=True)


main()
