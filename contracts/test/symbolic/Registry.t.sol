// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RegistryState} from "./RegistryState.sol";
import {RegistryStep} from "./RegistryStep.sol";
import {Logic} from "./Svm.sol";

/// The invariants of the registry's storage, as they stand at the second at hand, and where each is shown to be kept:
///
/// - I1 ordered: in each line (epochs, delays, guardians, ceilings) nothing in force or waiting is above the last
///   number given, and what waits is above what is in force. Kept: RegistryOrderProof.
/// - I2 zeroIsNothing: epoch 0 has no hashes and no number. Kept: RegistryContentProof.
/// - I3 fits: the active and the pending epoch fit the ceilings in force and those that wait. Kept: RegistryCeiling0Proof to
///   RegistryCeiling7Proof.
/// - I4 timely: the active epoch's time has come; the pending one's time is when it will be active. Kept:
///   RegistryOrderProof.
/// - I5 blank: for numbers above the last given, the URI and the list of guardians are empty. RegistryStep assumes it
///   of the numbers given out next; kept, for any number: RegistryContentProof.
///
/// Together: no number falls (order), what a number stands for never changes (content), no ceiling is exceeded
/// (ceiling); and an epoch is active because it narrowed the one before (narrowing), or because the delay in force at
/// its submission was zero, or because it waited that delay out: it was given a time at least the delay away, kept it
/// as long as it waited, and came into force by time alone (order).

/// @notice No ceiling is exceeded, in one word of four numbers; each word has a proof of its own below, which takes a
/// tenth of the time of one proof for any word. Assumes I1, I3 and I5; I3 of the word, and it is kept for that word.
abstract contract RegistryCeiling is RegistryStep {
    uint256 private immutable CEILING_WORD;

    constructor(uint256 word) {
        CEILING_WORD = word;
    }

    function _assume(Before memory b) internal override {
        b.word = CEILING_WORD;
        vm.assume(registry.ordered());
        vm.assume(registry.fits(CEILING_WORD));
    }

    function _proveFirst(Before memory) internal view override {
        assert(registry.fits(CEILING_WORD));
    }

    function _prove(Before memory, bool) internal view override {
        assert(registry.fits(CEILING_WORD));
    }
}

/// @notice Slots 0 to 3.
contract RegistryCeiling0Proof is RegistryCeiling(0) {}

/// @notice Slots 4 to 7.
contract RegistryCeiling1Proof is RegistryCeiling(1) {}

/// @notice Slots 8 to 11.
contract RegistryCeiling2Proof is RegistryCeiling(2) {}

/// @notice Slots 12 to 15.
contract RegistryCeiling3Proof is RegistryCeiling(3) {}

/// @notice Slots 16 to 19.
contract RegistryCeiling4Proof is RegistryCeiling(4) {}

/// @notice Slots 20 to 23.
contract RegistryCeiling5Proof is RegistryCeiling(5) {}

/// @notice Slots 24 to 27.
contract RegistryCeiling6Proof is RegistryCeiling(6) {}

/// @notice Slots 28 to 31.
contract RegistryCeiling7Proof is RegistryCeiling(7) {}

/// @notice Nothing falls and nothing comes early. Assumes I1, I4 and I5.
contract RegistryOrderProof is RegistryStep {
    using Logic for bool;

    function _assume(Before memory b) internal override {
        vm.assume(registry.ordered());
        vm.assume(registry.timely());
        b.sight = registry.sight();
    }

    function _proveFirst(Before memory) internal view override {
        assert(registry.ordered());
        assert(registry.timely());
    }

    function _prove(Before memory b, bool timeOnly) internal view override {
        RegistryState.Sight memory a = registry.sight();
        uint64 delaySecs = b.sight.delaySecs;
        bool lines = _line(b.sight.epochs, a.epochs, timeOnly, delaySecs, true)
            .and(_line(b.sight.delays, a.delays, timeOnly, delaySecs, false))
            .and(_line(b.sight.guardians, a.guardians, timeOnly, delaySecs, false))
            .and(_line(b.sight.ceilings, a.ceilings, timeOnly, delaySecs, false));
        assert(registry.ordered().and(registry.timely()).and(lines));
    }

    /// @param free whether the line may change at once although there is a delay: the epochs may, by a narrowing, of
    /// which RegistryNarrowingProof speaks
    function _line(RegistryState.Turn memory b, RegistryState.Turn memory a, bool timeOnly, uint64 delaySecs, bool free)
        private
        view
        returns (bool)
    {
        // No number falls.
        bool rises = (a.inForce >= b.inForce).and(a.last >= b.last);
        bool same = (a.inForce == b.inForce).and(a.waiting == b.waiting).and(a.at == b.at);
        if (timeOnly) {
            // Time brings into force what waited and is due, and does nothing else.
            bool due = (b.waiting != 0).and(b.at <= block.timestamp).and(a.inForce == b.waiting).and(a.waiting == 0);
            return rises.and(same.or(due)).and(a.last == b.last);
        }
        // In the second of a step only a new version comes into force, and a setting only without a delay.
        bool comes = (a.inForce != b.inForce).implies((a.inForce > b.last).and(free.or(delaySecs == 0)));
        // What newly waits has a new number and waits the delay in force; what goes on waiting keeps its time.
        bool isNew = (a.waiting != 0).and(a.waiting != b.waiting);
        bool waits = isNew.implies((a.waiting > b.last).and(a.at >= block.timestamp + delaySecs));
        bool goesOn = (a.waiting == b.waiting).implies(a.at == b.at);
        return rises.and(comes).and(waits).and(goesOn);
    }
}

/// @notice In the second of a step the active epoch only changes to one with the same rest and nowhere a wider number,
/// unless the delay in force is zero; time alone is in RegistryOrderProof. Assumes I1, I2 and I5.
contract RegistryNarrowingProof is RegistryStep {
    using Logic for bool;

    function _assume(Before memory b) internal override {
        vm.assume(registry.ordered());
        vm.assume(registry.zeroIsNothing());
        b.word = _anyWord(8);
        b.sight = registry.sight();
        (b.restHash, b.numbers) = registry.policy(b.word);
    }

    function _proveFirst(Before memory) internal view override {
        assert(registry.sight().epochs.inForce == 0);
    }

    function _prove(Before memory b, bool timeOnly) internal view override {
        if (timeOnly) return;
        bool same = registry.sight().epochs.inForce == b.sight.epochs.inForce;
        (bytes32 restHash, uint256 numbers) = registry.policy(b.word);
        bool narrows =
            (b.sight.epochs.inForce != 0).and(restHash == b.restHash).and(Logic.within(numbers, b.numbers, b.word));
        assert(same.or(b.sight.delaySecs == 0).or(narrows));
    }
}

/// @notice What a number stands for never changes, and a number not given yet stands for nothing. Assumes I1, I2, I5.
contract RegistryContentProof is RegistryStep {
    using Logic for bool;

    uint256 private constant EPOCH_WORDS = 12;

    function _assume(Before memory b) internal override {
        vm.assume(registry.ordered());
        vm.assume(registry.zeroIsNothing());
        b.number = uint64(svm.createUint(64, "number"));
        b.account = svm.createAddress("account");
        b.word = _anyWord(EPOCH_WORDS);
        vm.assume(registry.blank(b.number));
        b.sight = registry.sight();
        b.kept = registry.epochWord(b.number, b.word);
        (b.delay, b.guards, b.ceilings) = registry.settings(b.number, b.account, b.word);
    }

    function _proveFirst(Before memory b) internal view override {
        assert(registry.zeroIsNothing());
        assert(registry.blank(b.number));
    }

    function _prove(Before memory b, bool) internal view override {
        (uint64 delay, bool guards, uint256 ceilings) = registry.settings(b.number, b.account, b.word);
        bool epoch = registry.epochWord(b.number, b.word) == b.kept;
        bool kept = (b.number <= b.sight.epochs.last).implies(epoch)
            .and((b.number <= b.sight.delays.last).implies(delay == b.delay))
            .and((b.number <= b.sight.guardians.last).implies(guards == b.guards))
            .and((b.number <= b.sight.ceilings.last).implies((b.word < 8).implies(ceilings == b.ceilings)));
        assert(registry.zeroIsNothing().and(registry.blank(b.number)).and(kept));
    }

    /// @dev What readers are told is what the proofs speak of.
    function check_views(address account) public {
        vm.warp(svm.createUint(64, "now"));
        RegistryState.Sight memory seen = registry.sight();
        (uint64 number, bytes32 policyHash) = registry.active();
        assert((number == seen.epochs.inForce).and(uint256(policyHash) == registry.epochWord(number, 0)));
        (uint64 delay,,) = registry.settings(seen.delays.inForce, account, 0);
        (, bool guards,) = registry.settings(seen.guardians.inForce, account, 0);
        assert((registry.delaySecs() == delay).and(registry.isGuardian(account) == guards));
        (, uint64 delayAt) = registry.scheduledDelay();
        (, uint64 ceilingsAt) = registry.scheduledCeilings();
        assert((delayAt == seen.delays.at).and(ceilingsAt == seen.ceilings.at));
    }
}
