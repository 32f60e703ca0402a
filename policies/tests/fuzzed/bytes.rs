//! Draws from bytes that a fuzzer mutates: each draw takes the next of them, and zeros when they are used up, so that any
//! bytes mean something and small changes mean small changes.

pub struct Bytes<'b> {
    rest: &'b [u8],
}

impl<'b> Bytes<'b> {
    pub fn of(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    pub fn wide(&mut self) -> u128 {
        (0..16).fold(0, |number, _| number << 8 | u128::from(self.byte()))
    }

    /// Below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One time in `times`.
    pub fn seldom(&mut self, times: u8) -> bool {
        // The zeros at the end are the usual case.
        self.byte() % times == times - 1
    }

    /// A place in a list of so many, seldom the one after its end.
    pub fn place(&mut self, count: usize) -> u16 {
        let end = count + usize::from(self.seldom(64));
        self.below(end) as u16
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Up to 16 bits.
    pub fn short(&mut self) -> u64 {
        u64::from(self.byte()) << 8 | u64::from(self.byte())
    }
}
