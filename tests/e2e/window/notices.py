#!/usr/bin/python3
"""A desktop's service for notices that shows nothing: it writes each notice as a line of JSON to standard output."""
import json

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.freedesktop.Notifications"
SPOKEN = """<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
</interface></node>"""


def serve(_bus, _sender, _path, _interface, method, arguments, call):
    said = arguments.unpack()
    if method == "Notify":
        _, replaces, _, title, body, _, hints, _ = said
        print(json.dumps({"title": title, "body": body, "hints": hints}), flush=True)
        call.return_value(GLib.Variant("(u)", (replaces or 1,)))
    else:
        print(json.dumps({"closed": said[0]}), flush=True)
        call.return_value(None)


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    spoken = Gio.DBusNodeInfo.new_for_xml(SPOKEN).interfaces[0]
    bus.register_object("/org/freedesktop/Notifications", spoken, serve, None, None)
    Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: print("{}", flush=True), None)
    GLib.MainLoop().run()


main()
