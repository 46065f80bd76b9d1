/// placeholder
#[derive(Default)]
pub struct Gate;
impl Gate {
    pub fn push(&mut self, samples: &[i16]) -> bool {
        samples.iter().any(|s| s.unsigned_abs() > 500)
    }
}
