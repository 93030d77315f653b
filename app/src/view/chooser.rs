//! Choosing a file or a folder: the folder's things as a list, by pointer or by keys.

use std::path::PathBuf;

use egui::{Key, RichText, ScrollArea, Ui};

use super::keys;
use crate::{
    action::{Action, Choice, Source},
    desktop::folder::Entry,
    i18n::T,
    model::{Model, Task, Wanted},
    text,
    theme::{self, measure, size, space},
    widget::{Cx, button, icon::Icon, page, path::PathText, row},
};

/// What the chooser remembers while it is open.
pub(crate) struct Chooser {
    choice: Choice,
    path: PathText,
    /// The folder that `path` was taken from.
    shown: Option<PathBuf>,
}

impl Chooser {
    /// A chooser for that.
    pub(crate) fn new(choice: Choice) -> Chooser {
        Chooser { choice, path: PathText::default(), shown: None }
    }

    /// The words at its head.
    fn words(&self) -> (T, T) {
        match self.choice {
            Choice::Find(_) => (T::ChooseFile, T::ChooseFileBody),
            Choice::Backup => (T::ChooseFile, T::ChooseBackupBody),
            Choice::Place => (T::BackupPlace, T::BackupPlaceBody),
        }
    }

    /// What is asked when this file is pressed.
    fn pressed(&self, file: PathBuf) -> Option<Action> {
        match self.choice {
            Choice::Find(wanted) => Some(Action::Take(Source::File(file, wanted))),
            Choice::Backup => Some(Action::ChosenBackup(file)),
            Choice::Place => None,
        }
    }
}

/// Draws the chooser. The first part says that it is to be closed.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Chooser) -> (bool, Option<Action>) {
    ui.set_width(measure::PALETTE.min(ui.ctx().content_rect().width() - space::XXL * 2.0));
    // A sheet takes 400 points by itself, and the list of what is there needs more.
    ui.set_max_height(ui.ctx().content_rect().height() - measure::BAR * 2.0);
    let mut asked = None;
    let (head, body) = state.words();
    let close = keys::head(ui, cx, cx.tr(head));
    page::hint(ui, cx, cx.tr(body));
    ui.add_space(space::S);
    let Some(folder) = &model.folder else {
        page::failure(ui, cx, model, Task::Take);
        return (close, None);
    };
    if state.shown.as_ref() != Some(&folder.path) {
        state.shown = Some(folder.path.clone());
        state.path.set(&folder.path);
    }
    ui.horizontal(|ui| {
        let up = folder.path.parent();
        let pressed =
            button::icon_named(ui, cx, Icon::Over, cx.tr(T::FolderUp), cx.c.ink, up.is_some()).clicked();
        if let Some(up) = up.filter(|_| pressed) {
            asked = Some(look(up.to_owned()));
        }
        let edit = egui::TextEdit::singleline(&mut state.path.text)
            .desired_width(f32::INFINITY)
            .char_limit(PathText::CHARS_MAX)
            .margin(theme::inset::FIELD);
        let field = ui.add(edit).accessible_name(cx.tr(T::FilePath));
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            asked = Some(look(state.path.path()));
        }
    });
    page::failure(ui, cx, model, Task::Take);
    ui.add_space(space::S);
    let mut done = close;
    let tall = measure::TOUCH + space::XS;
    // Rows are as wide as the field above them; the bar lies over their ends.
    ui.spacing_mut().scroll.floating_allocated_width = 0.0;
    ScrollArea::vertical().max_height(measure::SHEET_LIST).auto_shrink([false, false]).show_rows(
        ui,
        tall,
        folder.entries.len(),
        |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for entry in &folder.entries[range] {
                // Where a folder is looked for, files only show which one this is.
                let fits = !entry.file || state.choice != Choice::Place;
                if !ui.add_enabled_ui(fits, |ui| one(ui, cx, entry)).inner {
                    continue;
                }
                let path = folder.path.join(&entry.name);
                if !entry.file {
                    asked = Some(look(path));
                } else if let Some(action) = state.pressed(path) {
                    (asked, done) = (Some(action), true);
                }
            }
        },
    );
    if folder.entries.is_empty() {
        page::hint(ui, cx, cx.tr(T::FolderEmpty));
    } else if folder.more {
        page::hint(ui, cx, cx.tr(T::FolderMore));
    }
    if state.choice == Choice::Place {
        ui.add_space(space::S);
        if button::primary(ui, cx, T::BackupHere, true).clicked() {
            (asked, done) = (Some(Action::ChosenPlace(folder.path.clone())), true);
        }
    }
    (done, asked)
}

fn look(path: PathBuf) -> Action {
    Action::Take(Source::Folder(Some(path)))
}

fn one(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) -> bool {
    let name = text::name(&entry.name.to_string_lossy());
    let (icon, ink) = if entry.file { (icon_of(&name), cx.c.weak) } else { (Icon::Folder, cx.c.jade_ink) };
    let (rect, response) = ui.allocate_exact_size(
        egui::vec2(ui.available_width(), measure::TOUCH + space::XS),
        egui::Sense::click(),
    );
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), &name));
    row::ground(ui, cx, rect, &response, false);
    row::entry(ui, cx, rect, (icon, ink), &name);
    response.clicked()
}

fn icon_of(name: &str) -> Icon {
    let name = name.to_lowercase();
    if [".png", ".jpg", ".jpeg"].iter().any(|end| name.ends_with(end)) { Icon::Image } else { Icon::File }
}

/// The row of buttons by which something is taken: the clipboard, a file.
pub(crate) fn ways(ui: &mut Ui, cx: &Cx<'_>, model: &Model, wanted: Wanted) -> Option<Action> {
    let mut asked = None;
    let idle = !model.is_busy(Task::Take);
    ui.horizontal_wrapped(|ui| {
        if button::quiet(ui, cx, T::PasteHere, idle).clicked() {
            asked = Some(Action::Paste);
        }
        if button::quiet(ui, cx, T::ChooseFile, idle).clicked() {
            asked = Some(Action::Choose(Choice::Find(wanted)));
        }
    });
    if !idle {
        page::working(ui, cx, T::LookingInFile);
    }
    page::failure(ui, cx, model, Task::Take);
    asked
}

/// A frame that says what may be dropped, pasted or chosen here.
pub(crate) fn landing(
    ui: &mut Ui,
    cx: &Cx<'_>,
    model: &Model,
    wanted: Wanted,
    sentence: T,
) -> Option<Action> {
    let over = ui.input(|input| !input.raw.hovered_files.is_empty());
    egui::Frame::NONE
        .fill(if over { cx.c.jade_soft } else { cx.c.page })
        .stroke(egui::Stroke::new(theme::stroke::HAIR, if over { cx.c.jade } else { cx.c.line }))
        .corner_radius(theme::radius::M)
        .inner_margin(egui::Margin::same(space::M as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                Icon::Qr.show(ui, size::LARGE, cx.c.jade_ink);
                ui.add(
                    egui::Label::new(
                        RichText::new(cx.tr(sentence))
                            .font(theme::regular(size::SMALL))
                            .color(cx.c.ink)
                            .line_height(Some(size::SMALL * measure::LEADING)),
                    )
                    .wrap(),
                );
            });
            ui.add_space(space::XS);
            ways(ui, cx, model, wanted)
        })
        .inner
}
