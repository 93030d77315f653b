//! Backups and the end of everything.

use egui::{Key, Modifiers, Role};

use egui_kittest::{Harness, kittest::Queryable};

use super::{BOTH, Window, composer, harness, press, press_button, shows, wide, window, write};
use crate::{gallery, i18n::T, view::palette::Palette};

const SECRET: &str = "등불 walnut 강가 39 orbit";

fn told(w: &Window, what: &str) -> usize {
    w.state().world.told.iter().filter(|told| *told == what).count()
}

fn strike(w: &mut Window) {
    w.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Backspace);
    w.run_steps(2);
}

#[test]
fn a_backup_says_what_it_does_not_do_and_its_words_are_shown_once() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        assert!(shows(&w, lang.tr(T::BackupNot)));
        press(&mut w, lang.tr(T::BackupWrite));
        assert!(shows(&w, lang.tr(T::PathWhole)));
        assert_eq!(told(&w, "BackUp"), 0);
        write(&mut w, Role::TextInput, lang.tr(T::BackupPath), "/media/usb/madang.backup");
        press(&mut w, lang.tr(T::BackupWrite));
        assert!(shows(&w, lang.tr(T::WordsOnce)));
        let last = if lang == crate::i18n::Lang::Ko { "12. 거울" } else { "12. mirror" };
        assert!(shows(&w, last));
        assert_eq!(told(&w, "BackUp"), 0, "nothing is written before they are noted");
        // A failure leaves the words where they are: who has noted them need not do it again.
        w.state_mut().world.no_room = true;
        press(&mut w, lang.tr(T::WordsNoted));
        assert!(shows(&w, lang.tr(T::FailBackup)) && shows(&w, last));
        w.state_mut().world.no_room = false;
        press(&mut w, lang.tr(T::WordsNoted));
        assert_eq!(told(&w, "BackUp"), 2);
        assert!(w.state().world.backups[0].ends_with(&last[4..]), "they open it");
        assert!(!shows(&w, last));
    }
}

#[test]
fn words_of_a_backup_that_is_not_written_after_all_are_forgotten_and_no_file_is_there() {
    for lang in BOTH {
        for by_lock in [false, true] {
            let mut w = window("settings", lang, [1366.0, 6000.0]);
            write(&mut w, Role::TextInput, lang.tr(T::BackupPath), "/media/usb/madang.backup");
            press(&mut w, lang.tr(T::BackupWrite));
            assert!(shows(&w, lang.tr(T::WordsOnce)));
            if by_lock {
                w.key_press_modifiers(Modifiers::COMMAND, Key::L);
                w.run_steps(3);
            } else {
                press(&mut w, lang.tr(T::Cancel));
            }
            assert!(!shows(&w, lang.tr(T::WordsOnce)));
            assert_eq!(told(&w, "BackUp"), 0);
        }
    }
}

#[test]
fn a_folder_for_the_backup_is_chosen_in_the_list() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        press(&mut w, lang.tr(T::BackupPlace));
        assert!(shows(&w, lang.tr(T::BackupPlaceBody)));
        press(&mut w, "invite.txt");
        assert!(shows(&w, lang.tr(T::BackupPlaceBody)), "a file is no folder");
        press(&mut w, lang.tr(T::BackupHere));
        let field = w.get_by_role_and_label(Role::TextInput, lang.tr(T::BackupPath));
        assert_eq!(field.value().as_deref(), Some("/home/haneul/madang.backup"));
        press(&mut w, lang.tr(T::BackupWrite));
        assert_eq!(told(&w, "DrawWords"), 1);
    }
}

#[test]
fn a_backup_under_a_passphrase_of_its_own_wants_a_good_one() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        write(&mut w, Role::TextInput, lang.tr(T::BackupPath), "/media/usb/madang.backup");
        press(&mut w, lang.tr(T::BackupByPassphrase));
        press(&mut w, lang.tr(T::BackupWrite));
        assert!(shows(&w, lang.tr(T::TooGuessable)));
        write(&mut w, Role::PasswordInput, lang.tr(T::BackupPassphrase), SECRET);
        press(&mut w, lang.tr(T::BackupWrite));
        assert_eq!(told(&w, "BackUp"), 0, "typed once only");
    }
}

#[test]
fn a_profile_comes_back_from_a_backup_and_a_wrong_secret_says_so() {
    for lang in BOTH {
        let mut w = window("welcome", lang, [900.0, 1400.0]);
        press(&mut w, lang.tr(T::RestoreTitle));
        assert!(shows(&w, lang.tr(T::RestoreNot)));
        press(&mut w, lang.tr(T::ChooseFile));
        press(&mut w, "invite.png");
        press_button(&mut w, lang.tr(T::RestoreAct));
        assert!(shows(&w, lang.tr(T::RestoreSecretMissing)), "the chosen file stands in its field");
        for (secret, opens) in [("wrong", false), ("correct horse", true)] {
            write(&mut w, Role::PasswordInput, lang.tr(T::RestoreSecret), secret);
            write(&mut w, Role::PasswordInput, lang.tr(T::RestorePassphrase), SECRET);
            write(&mut w, Role::PasswordInput, lang.tr(T::PassphraseAgain), SECRET);
            press_button(&mut w, lang.tr(T::RestoreAct));
            w.run_steps(3);
            assert_eq!(shows(&w, lang.tr(T::FailBackupSecret)), !opens);
            assert_eq!(w.state().model.stage.is_open(), opens);
        }
    }
}

#[test]
fn one_turns_back_from_restoring_to_a_new_profile() {
    for lang in BOTH {
        let mut w = window("restore", lang, [900.0, 1400.0]);
        press(&mut w, lang.tr(T::Cancel));
        assert!(!shows(&w, lang.tr(T::RestoreNot)));
        assert!(shows(&w, lang.tr(T::ProfileName)));
    }
}

#[test]
fn three_strokes_destroy_the_profile_open_or_locked_and_two_do_not() {
    for screen in ["list", "unlock"] {
        for lang in BOTH {
            let builder = Harness::builder().with_step_dt(0.02);
            let mut w = harness(screen, lang, [1366.0, 768.0], builder);
            strike(&mut w);
            strike(&mut w);
            assert_eq!(told(&w, "Wipe"), 0);
            strike(&mut w);
            assert_eq!(told(&w, "Wipe"), 1);
        }
    }
}

#[test]
fn three_strokes_over_a_long_time_and_other_keys_do_nothing() {
    let mut w = wide("unlock", BOTH[0]);
    for _ in 0..4 {
        strike(&mut w);
        // A step of the harness is a quarter of a second.
        w.run_steps(8);
    }
    for _ in 0..4 {
        w.key_press_modifiers(Modifiers::COMMAND, Key::Backspace);
        w.run_steps(1);
    }
    assert_eq!(told(&w, "Wipe"), 0);
}

#[test]
fn the_palette_and_settings_ask_once_more_and_say_what_destroying_does_not_reach() {
    for lang in BOTH {
        for way in ["palette", "settings"] {
            let mut w = window(if way == "palette" { "list" } else { way }, lang, [1366.0, 6000.0]);
            if way == "palette" {
                w.state_mut().views.palette = Some(Palette::default());
                w.run_steps(3);
                write(&mut w, Role::TextInput, lang.tr(T::PaletteTitle), lang.tr(T::WipeAct));
                w.key_press(Key::Enter);
                w.run_steps(3);
            } else {
                press(&mut w, lang.tr(T::WipeAct));
            }
            assert!(shows(&w, lang.tr(T::WipeBody)) && shows(&w, lang.tr(T::WipeNot)), "{way}");
            assert_eq!(told(&w, "Wipe"), 0);
            w.query_all_by_label(lang.tr(T::WipeAct)).last().expect("the button").click();
            w.run_steps(3);
            assert_eq!(told(&w, "Wipe"), 1, "{way}");
        }
    }
}

#[test]
fn a_duress_passphrase_is_set_with_what_it_does_not_hide_and_taken_away_after_a_question() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 6000.0]);
        assert!(shows(&w, lang.tr(T::DuressNot)));
        press(&mut w, lang.tr(T::DuressSet));
        assert!(!shows(&w, lang.tr(T::DuressNameMissing)), "only unfolded");
        press(&mut w, lang.tr(T::DuressSet));
        assert!(shows(&w, lang.tr(T::DuressNameMissing)));
        write(&mut w, Role::TextInput, lang.tr(T::DuressName), "하늘");
        write(&mut w, Role::PasswordInput, lang.tr(T::DuressPassphrase), SECRET);
        let again = lang.tr(T::PassphraseAgain);
        // The first such field belongs to the passphrase of the profile itself.
        w.query_all_by_role_and_label(Role::PasswordInput, again).last().expect("a field").focus();
        w.run_steps(2);
        w.query_all_by_role_and_label(Role::PasswordInput, again).last().expect("a field").type_text(SECRET);
        w.run_steps(2);
        press(&mut w, lang.tr(T::DuressSet));
        assert_eq!(told(&w, "SetDuress"), 1);
        press(&mut w, lang.tr(T::DuressRemove));
        assert!(shows(&w, lang.tr(T::DuressRemoveBody)));
        assert_eq!(told(&w, "RemoveDuress"), 0);
        w.query_all_by_label(lang.tr(T::DuressRemove)).last().expect("the button").click();
        w.run_steps(3);
        assert_eq!(told(&w, "RemoveDuress"), 1);
    }
}

#[test]
fn a_device_is_called_back_after_a_question_and_then_nothing_can_be_written() {
    for lang in BOTH {
        let mut w = window("settings", lang, [1366.0, 4600.0]);
        press(&mut w, lang.tr(T::CallBackAct));
        assert!(shows(&w, lang.tr(T::CallBackBody)));
        press(&mut w, lang.tr(T::Cancel));
        assert_eq!(told(&w, "CallBack"), 0);
        press(&mut w, lang.tr(T::CallBackAct));
        w.query_all_by_label(lang.tr(T::CallBackAct)).last().expect("the button").click();
        w.run_steps(4);
        assert_eq!(told(&w, "CallBack"), 1);
        assert!(shows(&w, lang.tr(T::CalledBack)));
        assert!(w.query_by_label(lang.tr(T::CallBackAct)).is_none());
        gallery::go(w.state_mut(), "chat");
        w.run_steps(4);
        assert!(shows(&w, lang.tr(T::CalledBack)));
        assert!(w.query_by_role_and_label(Role::MultilineTextInput, &composer(lang)).is_none());
        gallery::go(w.state_mut(), "contact");
        w.run_steps(4);
        assert!(w.query_by_label(lang.tr(T::RenewAct)).is_none());
        gallery::go(w.state_mut(), "add");
        w.run_steps(4);
        assert!(shows(&w, lang.tr(T::CalledBack)));
        assert!(w.query_by_label(lang.tr(T::InviteQr)).is_none(), "its invites have ended");
    }
}
