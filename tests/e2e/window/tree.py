#!/usr/bin/python3
"""Reads the accessibility tree of the one app on this session's bus, as a screen reader would: over AT-SPI.

A line on standard input asks; the answer is one line of JSON: every node, parents before their children, each with
role, name, text and states. Nothing is remembered between two questions, so each sees the tree as it is then.
"""
import json
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

APP = "madang"
ACCESSIBLE = "org.a11y.atspi.Accessible"
PATIENCE_MS = 10_000
NODES_MAX = 2_000
STATES = {"checked": 4, "enabled": 8, "focused": 12}
# AT-SPI's numbers of the roles that a story asks for; others are told as numbers.
ROLES = {7: "check box", 23: "frame", 29: "label", 35: "menu item", 37: "page tab", 40: "password", 43: "button", 44: "radio button", 79: "entry"}


class Bus:
    """The accessibility bus. Many calls travel at once; a node that went away meanwhile answers nothing."""

    def __init__(self):
        session = Gio.bus_get_sync(Gio.BusType.SESSION)
        where = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None, 0, PATIENCE_MS)
        kind = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.link = Gio.DBusConnection.new_for_address_sync(where.unpack()[0], kind)

    def ask(self, calls):
        """The answers to `(node, interface, method, arguments)`, in order."""
        answers, waiting = [None] * len(calls), [len(calls)]

        def take(link, result, at):
            waiting[0] -= 1
            try:
                answers[at] = link.call_finish(result).unpack()[0]
            except GLib.Error:
                pass

        for at, ((owner, path), interface, method, arguments) in enumerate(calls):
            self.link.call(owner, path, interface, method, arguments, None, 0, PATIENCE_MS, None, take, at)
        while waiting[0]:
            GLib.MainContext.default().iteration(True)
        return answers

    def children(self, nodes):
        return [kids or [] for kids in self.ask([(node, ACCESSIBLE, "GetChildren", None) for node in nodes])]

    def names(self, nodes):
        name = GLib.Variant("(ss)", (ACCESSIBLE, "Name"))
        return self.ask([(node, "org.freedesktop.DBus.Properties", "Get", name) for node in nodes])

    def told(self, nodes):
        whole = GLib.Variant("(ii)", (0, -1))
        roles = self.ask([(node, ACCESSIBLE, "GetRole", None) for node in nodes])
        states = self.ask([(node, ACCESSIBLE, "GetState", None) for node in nodes])
        texts = self.ask([(node, "org.a11y.atspi.Text", "GetText", whole) for node in nodes])
        for role, name, text, state in zip(roles, self.names(nodes), texts, states):
            if role is not None and state is not None:
                bits = state[0] | state[1] << 32
                says = {word: bool(bits >> bit & 1) for word, bit in STATES.items()}
                yield {"role": ROLES.get(role, str(role)), "name": name or "", "text": text or "", **says}


def tree(bus):
    registry = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
    apps = bus.children([registry])[0]
    level = [app for app, name in zip(apps, bus.names(apps)) if name == APP]
    order, below = list(level), {}
    while level and len(order) < NODES_MAX:
        for node, kids in zip(level, bus.children(level)):
            below[node] = kids
        level = [kid for node in level for kid in below[node]]
        order.extend(level)
    return list(bus.told(order[:NODES_MAX]))


def main():
    bus = Bus()
    for _ in sys.stdin:
        print(json.dumps(tree(bus)), flush=True)


main()
