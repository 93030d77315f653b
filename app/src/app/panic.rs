//! The keys that destroy the profile without asking: pressed three times, quickly, never held.

use egui::{Event, Key, Ui};

/// Presses that are needed.
const PRESSES: usize = 3;
/// Within this time, in seconds.
const WITHIN_S: f64 = 2.0;

/// When the keys were pressed lately.
#[derive(Default)]
pub(super) struct Panic(Vec<f64>);

impl Panic {
    /// Takes the keys out of this frame's events. True: now.
    pub(super) fn is_called(&mut self, ui: &Ui) -> bool {
        let (now, presses) = ui.input_mut(|input| {
            let mut presses = 0;
            input.events.retain(|event| match event {
                Event::Key { key: Key::Backspace, pressed: true, repeat, modifiers, .. }
                    if modifiers.command && modifiers.shift && !modifiers.alt =>
                {
                    presses += usize::from(!repeat);
                    false
                }
                _ => true,
            });
            (input.time, presses)
        });
        (0..presses).any(|_| self.press(now))
    }

    fn press(&mut self, now: f64) -> bool {
        self.0.retain(|at| now - at <= WITHIN_S);
        self.0.push(now);
        self.0.len() >= PRESSES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_presses_within_two_seconds_and_no_fewer() {
        let all = |times: &[f64]| {
            let mut panic = Panic::default();
            times.iter().map(|at| panic.press(*at)).collect::<Vec<bool>>()
        };
        assert_eq!(all(&[0.0, 0.9, 1.9]), [false, false, true]);
        assert_eq!(all(&[0.0, 1.5, 3.0, 4.5, 6.0]), [false; 5]);
        assert_eq!(all(&[0.0, 5.0, 5.1, 5.2]), [false, false, false, true]);
    }
}
