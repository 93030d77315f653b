//! Settings.

use egui::{RichText, Ui};

use super::{backup, duress, fade, keys, passphrase::NewPassphrase, welcome};
use crate::{
    action::{Action, Command, Sure},
    i18n::T,
    model::{Model, Notify, Prefs, Stage, Task, ThemeChoice},
    route::Route,
    text,
    theme::{self, measure, size, space},
    widget::{Cx, avatar, button, icon::Icon, page},
};

/// Groups of an account in one line.
const GROUPS_IN_LINE: usize = 4;

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Settings {
    /// The own name while it is changed.
    name: Option<String>,
    passphrase: NewPassphrase,
    /// Writing a backup.
    pub(crate) backup: backup::BackUp,
    duress: duress::Duress,
}

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Settings) -> Option<Action> {
    let prefs = model.prefs;
    page::show(ui, cx, cx.tr(T::SettingsTitle), None, |ui| {
        let mut changed = None;
        let mut asked = page::section(ui, cx, T::ProfileHead, |ui| profile(ui, cx, model, state));
        page::section(ui, cx, T::Appearance, |ui| {
            asked = appearance(ui, cx, prefs, &mut changed).or(asked.take());
        });
        page::section(ui, cx, T::NotifyHead, |ui| {
            page::hint(ui, cx, cx.tr(T::NotifyExplained));
            ui.add_space(space::S);
            ui.horizontal_wrapped(|ui| {
                for (notify, word) in [
                    (Notify::Off, T::NotifyOff),
                    (Notify::Hidden, T::NotifyHidden),
                    (Notify::Named, T::NotifyNamed),
                    (Notify::Full, T::NotifyFull),
                ] {
                    if button::choice(ui, cx, cx.tr(word), prefs.notify == notify).clicked() {
                        changed = Some(Prefs { notify, ..prefs });
                    }
                }
            });
        });
        page::section(ui, cx, T::Writing, |ui| {
            let (mut enter_sends, mut tell_read) = (prefs.enter_sends, prefs.tell_read);
            if button::tick(ui, cx, &mut enter_sends, T::EnterSends).changed() {
                changed = Some(Prefs { enter_sends, ..prefs });
            }
            if button::tick(ui, cx, &mut tell_read, T::TellRead).changed() {
                changed = Some(Prefs { tell_read, ..prefs });
            }
            page::hint(ui, cx, cx.tr(T::TellReadExplained));
        });
        if model.stage == Stage::Open && !model.me.called_back {
            page::section(ui, cx, T::FadeHead, |ui| {
                page::hint(ui, cx, cx.tr(T::FadeDefaultExplained));
                ui.add_space(space::S);
                let pressed = fade::choices(ui, cx, model.me.fade);
                asked = pressed.map(|fade| Action::Do(Command::SetFadeDefault(fade))).or(asked.take());
                page::failure(ui, cx, model, Task::Fade);
            });
        }
        page::section(ui, cx, T::RoadRelays, |ui| {
            let up = model.roads.relays.iter().filter(|r| r.connected).count();
            let all = model.roads.relays.len();
            let state = if all == 0 {
                cx.tr(T::RoadRelaysNone).to_owned()
            } else {
                cx.with(T::RoadRelaysSome, &[&up.to_string(), &all.to_string()])
            };
            page::hint(ui, cx, &state);
            ui.add_space(space::S);
            if button::quiet(ui, cx, T::OpenNetwork, true).clicked() {
                asked = Some(Action::Go(Route::Network));
            }
        });
        page::section(ui, cx, T::AutoLock, |ui| {
            page::hint(ui, cx, cx.tr(T::AutoLockExplained));
            ui.add_space(space::S);
            ui.horizontal_wrapped(|ui| {
                for minutes in Prefs::LOCK_MINUTES {
                    let label = if minutes == 0 {
                        cx.tr(T::AutoLockNever).to_owned()
                    } else {
                        cx.with(T::AutoLockMinutes, &[&minutes.to_string()])
                    };
                    if button::choice(ui, cx, &label, prefs.auto_lock_minutes == minutes).clicked() {
                        changed = Some(Prefs { auto_lock_minutes: minutes, ..prefs });
                    }
                }
            });
        });
        if model.stage == Stage::Open {
            page::section(ui, cx, T::Passphrase, |ui| {
                asked = passphrase(ui, cx, model, &mut state.passphrase).or(asked.take());
            });
            page::section(ui, cx, T::BackupHead, |ui| {
                asked = backup::write(ui, cx, model, &mut state.backup).or(asked.take());
            });
            page::section(ui, cx, T::DuressHead, |ui| {
                asked = duress::show(ui, cx, model, &mut state.duress).or(asked.take());
            });
            page::section(ui, cx, T::CallBackHead, |ui| asked = call_back(ui, cx, model).or(asked.take()));
            page::section(ui, cx, T::WipeHead, |ui| asked = wipe(ui, cx).or(asked.take()));
        }
        page::section(ui, cx, T::KeysTitle, |ui| keys::table(ui, cx));
        page::section(ui, cx, T::About, |ui| asked = about(ui, cx).or(asked.take()));
        asked.or(changed.map(|prefs| Action::Do(Command::Keep(prefs))))
    })
}

fn head(ui: &mut Ui, cx: &Cx<'_>, word: T) {
    ui.label(RichText::new(cx.tr(word)).font(theme::strong(size::SMALL)).color(cx.c.weak));
}

fn appearance(ui: &mut Ui, cx: &Cx<'_>, prefs: Prefs, changed: &mut Option<Prefs>) -> Option<Action> {
    head(ui, cx, T::Language);
    let language = welcome::languages(ui, cx, prefs);
    ui.add_space(space::M);
    head(ui, cx, T::Theme);
    ui.horizontal_wrapped(|ui| {
        for (theme, word) in [
            (ThemeChoice::System, T::ThemeSystem),
            (ThemeChoice::Light, T::ThemeLight),
            (ThemeChoice::Dark, T::ThemeDark),
        ] {
            if button::choice(ui, cx, cx.tr(word), prefs.theme == theme).clicked() {
                *changed = Some(Prefs { theme, ..prefs });
            }
        }
    });
    ui.add_space(space::M);
    head(ui, cx, T::TextSize);
    if let Some(sized) = text_size(ui, cx, prefs) {
        *changed = Some(sized);
    }
    language
}

fn about(ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
    page::prose(ui, cx, &cx.with(T::Version, &[env!("CARGO_PKG_VERSION")]));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::Unaudited));
    ui.add_space(space::S);
    page::hint(ui, cx, cx.tr(T::Licences));
    ui.add_space(space::S);
    button::quiet(ui, cx, T::LicencesRead, true).clicked().then_some(Action::Go(Route::Licences))
}

fn profile(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Settings) -> Option<Action> {
    ui.horizontal(|ui| {
        avatar::show(ui, measure::AVATAR, &model.me.name, model.me.seed);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XXS;
            ui.add(
                egui::Label::new(
                    RichText::new(&model.me.name).font(theme::strong(size::BODY)).color(cx.c.ink),
                )
                .truncate(),
            );
            ui.label(RichText::new(cx.tr(T::AccountId)).font(theme::regular(size::TINY)).color(cx.c.weak));
            ui.add(
                egui::Label::new(
                    RichText::new(in_lines(&model.me.account))
                        .font(egui::FontId::monospace(size::TINY))
                        .color(cx.c.weak),
                )
                .selectable(true)
                .wrap(),
            );
        });
    });
    ui.add_space(space::S);
    let name = state.name.get_or_insert_with(|| model.me.name.clone());
    button::field(ui, cx, T::ProfileName, Some(T::ProfileNameHint), name, welcome::NAME_CHARS_MAX);
    let new = !text::name(name).is_empty() && text::name(name) != model.me.name;
    // A device that was called back tells nobody anything.
    let told = !model.me.called_back && !model.is_busy(Task::Rename);
    let pressed = button::quiet(ui, cx, T::Rename, new && told).clicked();
    page::failure(ui, cx, model, Task::Rename);
    pressed.then(|| Action::Do(Command::RenameMe(text::typed(name))))
}

/// An account in lines of as many groups: none stands alone.
fn in_lines(account: &str) -> String {
    let groups: Vec<&str> = account.split(' ').collect();
    groups.chunks(GROUPS_IN_LINE).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

fn passphrase(ui: &mut Ui, cx: &Cx<'_>, model: &Model, new: &mut NewPassphrase) -> Option<Action> {
    page::hint(ui, cx, cx.tr(T::PassphraseChangeExplained));
    ui.add_space(space::S);
    new.show(ui, cx, T::PassphraseNew);
    ui.add_space(space::S);
    if model.is_busy(Task::Passphrase) {
        page::working(ui, cx, T::CreatingProfile);
        return None;
    }
    let wanting = new.wanting();
    if let Some(word) = wanting.filter(|_| !new.is_empty()) {
        page::hint(ui, cx, cx.tr(word));
    }
    let pressed = button::quiet(ui, cx, T::PassphraseChange, wanting.is_none()).clicked();
    page::failure(ui, cx, model, Task::Passphrase);
    pressed.then(|| Action::Do(Command::ChangePassphrase { passphrase: new.take() }))
}

fn call_back(ui: &mut Ui, cx: &Cx<'_>, model: &Model) -> Option<Action> {
    page::hint(ui, cx, cx.tr(T::CallBackExplained));
    ui.add_space(space::S);
    if model.me.called_back {
        page::warning(ui, cx, cx.tr(T::CalledBack));
        return None;
    }
    let pressed = button::danger(ui, cx, T::CallBackAct, !model.is_busy(Task::Keys)).clicked();
    page::failure(ui, cx, model, Task::Keys);
    pressed.then_some(Action::Ask(Sure::Device))
}

fn wipe(ui: &mut Ui, cx: &Cx<'_>) -> Option<Action> {
    page::hint(ui, cx, cx.tr(T::WipeExplained));
    ui.add_space(space::S);
    page::warning(ui, cx, cx.tr(T::WipeNot));
    ui.add_space(space::S);
    button::danger(ui, cx, T::WipeAct, true).clicked().then_some(Action::Ask(Sure::Profile))
}

fn text_size(ui: &mut Ui, cx: &Cx<'_>, prefs: Prefs) -> Option<Prefs> {
    let sizes = Prefs::TEXT_SIZES;
    let at = sizes.iter().position(|size| *size >= prefs.text_percent).unwrap_or(1);
    let mut next = None;
    ui.horizontal(|ui| {
        if button::icon_named(ui, cx, Icon::Minus, cx.tr(T::Smaller), cx.c.ink, at > 0).clicked() {
            next = at.checked_sub(1);
        }
        ui.label(
            RichText::new(cx.with(T::TextSizeValue, &[&prefs.text_percent.to_string()]))
                .font(theme::strong(size::BODY))
                .color(cx.c.ink),
        );
        if button::icon_named(ui, cx, Icon::Plus, cx.tr(T::Larger), cx.c.ink, at + 1 < sizes.len()).clicked()
        {
            next = Some(at + 1);
        }
    });
    next.and_then(|at| sizes.get(at)).map(|percent| Prefs { text_percent: *percent, ..prefs })
}
