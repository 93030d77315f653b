//! The roads that work now, and the relays.

use egui::{Color32, FontId, Label, RichText, Ui, UiBuilder};

use super::chooser;
use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Model, Relay, Takes, Task, Wanted},
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page},
};

/// Longest text that is taken as a relay.
const RELAY_CHARS_MAX: usize = 2048;

/// Contacts with a direct link that are named; the rest is counted.
const LINKED_NAMED: usize = 8;

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Network {
    text: String,
    /// Something was typed since a relay was looked for.
    typed: bool,
}

impl Network {
    /// A relay is looked for from now on.
    pub(crate) fn wait(&mut self) {
        self.typed = false;
    }

    /// Puts a relay that was found into its field, unless something was typed there meanwhile. Says whether it did.
    pub(crate) fn take(&mut self, relay: &str) -> bool {
        let is_put = !self.typed || self.text.trim().is_empty();
        if is_put {
            relay.clone_into(&mut self.text);
        }
        is_put
    }

    /// Forgets what was typed; the relay is there now.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }
}

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Network) -> Option<Action> {
    page::show(ui, cx, cx.tr(T::NetworkTitle), None, |ui| {
        let mut asked = None;
        page::section(ui, cx, T::RoadsNow, |ui| {
            let links = model.roads.links;
            let linked: Vec<&str> =
                model.chats.iter().filter(|c| c.linked).take(LINKED_NAMED).map(|c| c.name.as_str()).collect();
            let direct = match links {
                0 => cx.tr(T::RoadDirectNone).to_owned(),
                _ => format!("{}: {}", cx.with(T::RoadDirectSome, &[&links.to_string()]), linked.join(", ")),
            };
            let icon = if links == 0 { Icon::Plugs } else { Icon::PlugsOn };
            road(ui, cx, icon, links > 0, T::RoadDirect, &direct);
            ui.add_space(space::S);
            let (all, up) =
                (model.roads.relays.len(), model.roads.relays.iter().filter(|r| r.connected).count());
            let relays = if all == 0 {
                cx.tr(T::RoadRelaysNone).to_owned()
            } else {
                cx.with(T::RoadRelaysSome, &[&up.to_string(), &all.to_string()])
            };
            road(ui, cx, Icon::Relay, up > 0, T::RoadRelays, &relays);
        });
        page::section(ui, cx, T::RoadRelays, |ui| {
            for relay in &model.roads.relays {
                asked = one(ui, cx, relay, !model.is_busy(Task::Relay)).or(asked.take());
                ui.separator();
            }
            if !model.roads.relays.is_empty() {
                page::hint(ui, cx, cx.tr(T::RelayHonest));
                ui.add_space(space::S);
            }
            asked = chooser::landing(ui, cx, model, Wanted::Relay, T::RelayWays).or(asked.take());
            ui.add_space(space::M);
            let field =
                button::field(ui, cx, T::RelayText, Some(T::RelayTextHint), &mut state.text, RELAY_CHARS_MAX);
            state.typed |= field.changed();
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let ready = !state.text.trim().is_empty() && !model.is_busy(Task::Relay);
            if (button::primary(ui, cx, T::AddRelay, ready).clicked() || entered) && ready {
                asked = Some(Action::Do(Command::RelayAdd(state.text.trim().to_owned())));
            }
            if model.is_busy(Task::Relay) {
                page::working(ui, cx, T::Working);
            }
            page::failure(ui, cx, model, Task::Relay);
        });
        page::section(ui, cx, T::MyAddresses, |ui| {
            if model.me.addresses.is_empty() {
                page::hint(ui, cx, cx.tr(T::NoAddresses));
            }
            for address in &model.me.addresses {
                let address = RichText::new(address).font(FontId::monospace(size::SMALL)).color(cx.c.ink);
                ui.add(Label::new(address).selectable(true).wrap());
            }
        });
        if button::quiet(ui, cx, T::CopyDiagnostics, true).clicked() {
            asked = Some(Action::Copy(diagnostics(model)));
        }
        asked
    })
}

/// What helps a helper: counts and states, no names, keys or texts.
fn diagnostics(model: &Model) -> String {
    let up = model.roads.relays.iter().filter(|r| r.connected).count();
    let live = model.chats.iter().filter(|c| c.is_live()).count();
    [
        format!("madang {}", env!("CARGO_PKG_VERSION")),
        format!(
            "links={} relays={up}/{} contacts={live}/{}",
            model.roads.links,
            model.roads.relays.len(),
            model.chats.len()
        ),
        format!("listening={}", model.me.addresses.len()),
    ]
    .join("\n")
}

fn road(ui: &mut Ui, cx: &Cx<'_>, icon: Icon, works: bool, head: T, state: &str) {
    page::beside(ui, (icon, ink(cx, works)), 0.0, |ui| {
        ui.label(RichText::new(cx.tr(head)).font(theme::strong(size::BODY)).color(cx.c.ink));
        page::hint(ui, cx, state);
    });
}

/// The colour of a road's sign.
fn ink(cx: &Cx<'_>, works: bool) -> Color32 {
    if works { cx.c.jade_ink } else { cx.c.weak }
}

/// Whether a relay is reached, and for how long it has been so.
fn standing(cx: &Cx<'_>, relay: &Relay) -> String {
    let word = match (relay.connected, relay.steady) {
        (true, None | Some(..60)) => T::RelayConnected,
        (true, Some(_)) => T::RelayConnectedFor,
        (false, None) => T::RelayTrying,
        (false, Some(..60)) => T::RelayLost,
        (false, Some(_)) => T::RelayTryingFor,
    };
    let state = cx.with(word, &[&cx.lang.whole_span(relay.steady.unwrap_or(0))]);
    if relay.home { format!("{state} · {}", cx.tr(T::RelayHome)) } else { state }
}

/// What it does not take, as it said itself.
fn refusal(relay: &Relay) -> Option<T> {
    match relay.takes {
        Takes::All => None,
        Takes::MakingRoom => Some(T::RelayMakingRoom),
        Takes::Nothing => Some(T::RelayFull),
        Takes::Later => Some(T::RelayLater),
    }
}

fn one(ui: &mut Ui, cx: &Cx<'_>, relay: &Relay, idle: bool) -> Option<Action> {
    let sign = (Icon::Relay, ink(cx, relay.connected));
    let end = page::beside(ui, sign, measure::TOUCH, |ui| {
        let address = RichText::new(&relay.label).font(FontId::monospace(size::SMALL)).color(cx.c.ink);
        ui.add(Label::new(address).truncate());
        page::hint(ui, cx, &standing(cx, relay));
        if let Some(word) = refusal(relay) {
            page::hint(ui, cx, cx.tr(word));
        }
        if relay.waiting > 0 {
            page::hint(ui, cx, &cx.with(T::RelayWaiting, &[&relay.waiting.to_string()]));
        }
    });
    let name = cx.with(T::RemoveRelay, &[&relay.label]);
    let bin = &mut ui.new_child(UiBuilder::new().max_rect(end));
    let pressed = button::icon_named(bin, cx, Icon::Trash, &name, cx.c.danger, idle).clicked();
    pressed.then_some(Action::Do(Command::RelayRemove(relay.key)))
}
