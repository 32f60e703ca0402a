// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DecisionGate} from "../src/DecisionGate.sol";
import {EmergencyBrake} from "../src/EmergencyBrake.sol";
import {PolicyRegistry} from "../src/PolicyRegistry.sol";
import {IDecisionGate} from "../src/interfaces/IDecisionGate.sol";
import {Dao} from "./support/Dao.sol";

/// @dev An account that sends several calls, all or none, as a Safe does through MultiSend.
contract Account {
    function batch(address[] calldata targets, bytes[] calldata calls) external {
        for (uint256 i = 0; i < targets.length; ++i) {
            (bool ok, bytes memory answer) = targets[i].call(calls[i]);
            if (ok) continue;
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}

contract DecisionGateUnitTest is Dao {
    Account internal account;
    bytes32 internal policy;

    function setUp() public override {
        super.setUp();
        found();
        account = new Account();
        policy = hash("first");
    }

    function test_an_entry_is_marked_and_logged_whole() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        vm.expectEmit(address(gate));
        emit IDecisionGate.Entered(
            address(account), entry.decision, policy, entry.model, 1, entry.validUntil, 0, entry.items
        );
        enter(entry);
        vm.assertTrue(gate.used(address(account), "rent june"));
        vm.assertFalse(gate.used(address(this), "rent june"));
    }

    function test_a_key_is_used_once_whatever_the_decision() public {
        enter(entryOf("decision", policy, "rent june"));
        refused(entryOf("decision", policy, "rent june"), used("rent june"));
        refused(entryOf("another", policy, "rent june"), used("rent june"));
        enter(entryOf("another", policy, "rent july"));
        gate.enter(entryOf("another", policy, "rent june"));
        vm.assertTrue(gate.used(address(this), "rent june"));
    }

    function test_a_key_twice_in_one_entry_is_refused() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        IDecisionGate.Item memory item = entry.items[0];
        entry.items = new IDecisionGate.Item[](2);
        (entry.items[0], entry.items[1]) = (item, item);
        refused(entry, used("rent june"));
        vm.assertFalse(gate.used(address(account), "rent june"));
    }

    function test_one_to_thirty_two_items() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        entry.items = new IDecisionGate.Item[](0);
        refused(entry, abi.encodeWithSelector(IDecisionGate.ItemCount.selector, 0, 32));
        entry.items = new IDecisionGate.Item[](33);
        refused(entry, abi.encodeWithSelector(IDecisionGate.ItemCount.selector, 33, 32));
        entry.items = new IDecisionGate.Item[](32);
        for (uint256 i = 0; i < 32; ++i) {
            entry.items[i].onceKey = bytes32(i);
        }
        enter(entry);
        vm.assertTrue(gate.used(address(account), bytes32(uint256(31))));
    }

    function test_a_decision_has_a_hash() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        entry.decision = 0;
        refused(entry, abi.encodeWithSelector(IDecisionGate.ZeroDecision.selector));
    }

    function test_it_may_run_in_its_last_second_but_not_after() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        vm.warp(entry.validUntil + 1);
        refused(entry, abi.encodeWithSelector(IDecisionGate.Expired.selector, entry.validUntil));
        vm.warp(entry.validUntil);
        enter(entry);
    }

    function test_only_the_active_policy() public {
        IDecisionGate.Entry memory entry = entryOf("decision", hash("second"), "rent june");
        refused(entry, inactive(hash("second"), policy));
        entry = entryOf("decision", 0, "rent june");
        refused(entry, inactive(0, policy));
        submit("wider", 4500, 2000);
        refused(entryOf("decision", hash("wider"), "rent june"), inactive(hash("wider"), policy));
        vm.warp(block.timestamp + DELAY);
        refused(entryOf("decision", policy, "rent june"), inactive(policy, hash("wider")));
        enter(entryOf("decision", hash("wider"), "rent june"));
    }

    function test_before_the_first_epoch_nothing_enters() public {
        registry = new PolicyRegistry(DAO, DELAY, one(GINA), constitution());
        brake = new EmergencyBrake(DAO, registry, PULL, one(OLGA), START + LEASE, one(GINA));
        gate = new DecisionGate(registry, brake);
        refused(entryOf("decision", 0, "rent june"), inactive(0, 0));
        submit("first", 4000, 2000);
        refused(entryOf("decision", policy, "rent june"), inactive(policy, 0));
    }

    function test_what_was_prepared_before_a_pull_never_runs() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        entry.validUntil = START + LEASE;
        vm.prank(GINA);
        brake.pull();
        refused(entry, abi.encodeWithSelector(IDecisionGate.BrakePulled.selector, brake.pulledUntil()));
        IDecisionGate.Entry memory during = entryOf("during", policy, "rent june");
        refused(during, abi.encodeWithSelector(IDecisionGate.BrakePulled.selector, brake.pulledUntil()));
        vm.prank(DAO);
        brake.release();
        refused(entry, abi.encodeWithSelector(IDecisionGate.PullsDiffer.selector, 0, 1));
        enter(entryOf("after", policy, "rent june"));
    }

    function test_what_was_prepared_before_a_pull_never_runs_after_it_ran_out_either() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        entry.validUntil = START + LEASE;
        vm.prank(GINA);
        brake.pull();
        vm.warp(brake.pulledUntil());
        refused(entry, abi.encodeWithSelector(IDecisionGate.PullsDiffer.selector, 0, 1));
    }

    function test_a_count_of_pulls_from_the_future_is_refused() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        entry.pulls = 1;
        refused(entry, abi.encodeWithSelector(IDecisionGate.PullsDiffer.selector, 1, 0));
    }

    function test_without_a_lease_nothing_enters() public {
        vm.warp(START + LEASE - 1);
        enter(entryOf("decision", policy, "rent june"));
        vm.warp(START + LEASE);
        bytes memory refusal = abi.encodeWithSelector(IDecisionGate.LeaseLapsed.selector, START + LEASE);
        refused(entryOf("decision", policy, "rent july"), refusal);
        vm.prank(DAO);
        brake.renewLease(START + LEASE + 1);
        enter(entryOf("decision", policy, "rent july"));
    }

    function test_any_one_operator_revokes_for_good_in_any_state() public {
        vm.prank(GINA);
        brake.pull();
        vm.warp(START + LEASE + 1);
        vm.expectEmit(address(gate));
        emit IDecisionGate.Revoked(address(account), hash("decision"), OTTO);
        vm.prank(OTTO);
        gate.revoke(address(account), hash("decision"));
        vm.prank(OLGA);
        gate.revoke(address(account), hash("decision"));
        vm.assertTrue(gate.revoked(address(account), hash("decision")));
        vm.prank(DAO);
        brake.renewLease(uint64(block.timestamp) + 1 days);
        refused(
            entryOf("decision", policy, "rent june"),
            abi.encodeWithSelector(IDecisionGate.DecisionRevoked.selector, account, hash("decision"))
        );
        enter(entryOf("another", policy, "rent june"));
        gate.enter(entryOf("decision", policy, "rent june"));
    }

    function test_nobody_else_revokes() public {
        bytes memory refusal = abi.encodeWithSelector(IDecisionGate.NotOperator.selector, DAO);
        vm.prank(DAO);
        refuses(refusal);
        gate.revoke(address(account), hash("decision"));
        vm.prank(DAO);
        brake.setOperator(OLGA, false);
        vm.prank(OLGA);
        refuses(abi.encodeWithSelector(IDecisionGate.NotOperator.selector, OLGA));
        gate.revoke(address(account), hash("decision"));
    }

    function test_a_batch_that_reverts_marks_nothing() public {
        IDecisionGate.Entry memory entry = entryOf("decision", policy, "rent june");
        (address[] memory targets, bytes[] memory calls) = batchOf(entry);
        calls[1] = abi.encodeCall(this.fails, ());
        refuses(abi.encodeWithSignature("Error(string)", "as asked"));
        account.batch(targets, calls);
        vm.assertFalse(gate.used(address(account), "rent june"));
        calls[1] = abi.encodeCall(this.works, ());
        account.batch(targets, calls);
        vm.assertTrue(gate.used(address(account), "rent june"));
    }

    function test_a_batch_does_nothing_if_the_gate_refuses() public {
        enter(entryOf("decision", policy, "rent june"));
        (address[] memory targets, bytes[] memory calls) = batchOf(entryOf("decision", policy, "rent june"));
        calls[1] = abi.encodeCall(this.fails, ());
        refuses(used("rent june"));
        account.batch(targets, calls);
    }

    function test_gate_and_brake_read_one_registry() public {
        PolicyRegistry other = new PolicyRegistry(DAO, DELAY, one(GINA), constitution());
        refuses(abi.encodeWithSelector(IDecisionGate.RegistryMismatch.selector, address(other), address(registry)));
        new DecisionGate(other, brake);
    }

    function works() external pure {}

    function fails() external pure {
        revert("as asked");
    }

    function batchOf(IDecisionGate.Entry memory entry)
        private
        view
        returns (address[] memory targets, bytes[] memory calls)
    {
        targets = pair(address(gate), address(this));
        calls = new bytes[](2);
        calls[0] = abi.encodeCall(gate.enter, (entry));
    }

    function enter(IDecisionGate.Entry memory entry) private {
        vm.prank(address(account));
        gate.enter(entry);
    }

    function refused(IDecisionGate.Entry memory entry, bytes memory reason) private {
        vm.prank(address(account));
        refuses(reason);
        gate.enter(entry);
    }

    function used(bytes32 onceKey) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDecisionGate.KeyUsed.selector, account, onceKey);
    }

    function inactive(bytes32 entered, bytes32 active) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IDecisionGate.PolicyNotActive.selector, entered, active);
    }
}
