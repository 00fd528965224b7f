// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IOutbox, IOutputConsumer, OutputProof, TaskResult} from "../../src/interfaces/IOutbox.sol";
import {Outbox} from "../../src/rollup/Outbox.sol";
import {Base, IPurse} from "../Base.sol";
import {OutboxHarness} from "./OutboxHarness.sol";

/// A consumer that does whatever it is told when it is called or paid.
contract Mischief is IOutputConsumer {
    enum Mood {
        Accept,
        Revert,
        BurnGas,
        RevertBomb,
        ReturnBomb,
        Fund,
        Reclaim,
        Withdraw,
        DeliverAgain
    }

    IOutbox private immutable OUTBOX;
    Mood public mood;
    bytes private _again;

    constructor(IOutbox outbox) {
        OUTBOX = outbox;
    }

    /// again: the call by which it is called.
    function setMood(Mood mood_, bytes calldata again) external {
        (mood, _again) = (mood_, again);
    }

    function onOutput(uint64, bytes32 taskHash, TaskResult calldata, bytes calldata) external {
        _misbehave();
        if (mood == Mood.Fund) OUTBOX.fund{value: address(this).balance}(taskHash, address(this));
        bytes memory call_ = mood == Mood.Reclaim
            ? abi.encodeCall(IOutbox.reclaim, (taskHash, address(this)))
            : mood == Mood.Withdraw ? abi.encodeCall(IOutbox.withdraw, (payable(this))) : _again;
        if (mood < Mood.Reclaim) return;
        (bool success,) = address(OUTBOX).call(call_);
        require(!success || mood != Mood.DeliverAgain, "delivered twice");
    }

    receive() external payable {
        _misbehave();
        if (mood == Mood.Withdraw && OUTBOX.credits(address(this)) != 0) OUTBOX.withdraw(payable(this));
    }

    function _misbehave() private view {
        if (mood == Mood.Revert) revert("no");
        if (mood == Mood.BurnGas) while (true) {}
        if (mood == Mood.RevertBomb) {
            assembly ("memory-safe") {
                revert(0, 50000)
            }
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                return(0, 1000000)
            }
        }
    }
}

/// Rewards, deliveries, reclaims and withdrawals in any order, by accounts and by the consumers themselves, beside a plain
/// model of who has put up and earned what. What the Outbox must take is called plainly, so that a refusal fails the run.
contract Rewarders is OutboxHarness {
    uint64[3] internal tasks = [uint64(1), 2, TASK];
    /// Three accounts, then the consumers.
    address[] internal accounts;
    mapping(uint64 task => bytes) internal proofs;
    mapping(bytes32 key => mapping(address funder => uint256)) internal putUp;
    mapping(bytes32 key => mapping(address funder => uint256)) internal reclaimableAt;
    mapping(address => uint256) internal owed;
    mapping(bytes32 key => bool) internal isDelivered;

    constructor() {
        OutboxHarness.setUp();
        for (uint256 i = 0; i < 3; i++) {
            proofs[tasks[i]] = abi.encode(proofOf(tasks[i]));
        }
        accounts = new address[](5);
        (accounts[0], accounts[1], accounts[2]) = (HONEST, MOVER, TREASURY);
        (accounts[3], accounts[4]) = (address(new Mischief(outbox)), address(new Mischief(outbox)));
    }

    function setUp() public pure override {}

    function keyOf(uint64 task, address consumer) internal pure returns (bytes32) {
        return keccak256(abi.encode(task, consumer));
    }

    function consumerOf(uint256 which) internal view returns (Mischief) {
        return Mischief(payable(accounts[3 + which % 2]));
    }

    // What may happen

    function fund(uint8 which, uint8 consumer, uint8 who, uint64 amount) external {
        address account = accounts[who % 5];
        vm.deal(account, account.balance + amount);
        vm.prank(account);
        outbox.fund{value: amount}(taskHash(tasks[which % 3]), address(consumerOf(consumer)));
        _funded(keyOf(tasks[which % 3], address(consumerOf(consumer))), account, amount);
    }

    function _funded(bytes32 key, address account, uint256 amount) private {
        putUp[key][account] += amount;
        reclaimableAt[key][account] = vm.getBlockTimestamp() + 30 days;
    }

    function reclaim(uint8 which, uint8 consumer, uint8 who) external {
        _reclaim(tasks[which % 3], address(consumerOf(consumer)), accounts[who % 5]);
    }

    function _reclaim(uint64 task, address consumer, address account) private {
        bytes32 key = keyOf(task, consumer);
        bool early = vm.getBlockTimestamp() < reclaimableAt[key][account];
        vm.prank(account);
        if (putUp[key][account] == 0) {
            vm.expectRevert(Outbox.NothingToReclaim.selector);
        } else if (early) {
            vm.expectRevert(abi.encodeWithSelector(Outbox.TooEarly.selector, reclaimableAt[key][account]));
        }
        outbox.reclaim(taskHash(task), consumer);
        if (!early) _reclaimed(key, account);
    }

    function _reclaimed(bytes32 key, address account) private {
        owed[account] += putUp[key][account];
        putUp[key][account] = 0;
    }

    function deliver(uint8 which, uint8 consumer, uint8 who, uint8 mood) external {
        _deliver(tasks[which % 3], consumerOf(consumer), accounts[who % 5], Mischief.Mood(mood % 9));
    }

    function _deliver(uint64 task, Mischief consumer, address account, Mischief.Mood mood) private {
        OutputProof memory proof = abi.decode(proofs[task], (OutputProof));
        bytes memory data = outputOf(task);
        uint32 gasLimit = mood == Mischief.Mood.ReturnBomb ? 4_000_000 : 800_000;
        consumer.setMood(mood, abi.encodeCall(IOutbox.deliver, (proof, data, address(consumer), 1000)));
        bytes32 key = keyOf(task, address(consumer));
        if (isDelivered[key]) {
            vm.prank(account);
            vm.expectRevert(Outbox.AlreadyDelivered.selector);
            outbox.deliver(proof, data, address(consumer), gasLimit);
            return;
        }
        uint256 balance = address(consumer).balance;
        vm.prank(account);
        uint256 before = gasleft();
        outbox.deliver(proof, data, address(consumer), gasLimit);
        vm.assertTrue(before - gasleft() < gasLimit + 300_000, "a consumer costs what was named");
        bool goes = mood != Mischief.Mood.Revert && mood != Mischief.Mood.BurnGas && mood != Mischief.Mood.RevertBomb;
        vm.assertTrue(outbox.delivered(task, address(consumer)) == goes, "delivered");
        if (!goes) return;
        isDelivered[key] = true;
        // What it did itself comes before it is paid.
        if (mood == Mischief.Mood.Fund) _funded(key, address(consumer), balance);
        if (mood == Mischief.Mood.Reclaim && vm.getBlockTimestamp() >= reclaimableAt[key][address(consumer)]) {
            _reclaimed(key, address(consumer));
        }
        if (mood == Mischief.Mood.Withdraw) owed[address(consumer)] = 0;
        for (uint256 i = 0; i < 5; i++) {
            owed[account] += putUp[key][accounts[i]];
            putUp[key][accounts[i]] = 0;
        }
    }

    /// To a receiver that may not take it: then nothing changes.
    function withdraw(uint8 who, uint8 to, uint8 mood) external {
        address account = accounts[who % 5];
        Mischief receiver = consumerOf(to);
        receiver.setMood(Mischief.Mood(mood % 5), "");
        bool goes = receiver.mood() == Mischief.Mood.Accept || receiver.mood() == Mischief.Mood.ReturnBomb;
        vm.prank(account);
        if (owed[account] == 0) vm.expectRevert(Outbox.NothingToWithdraw.selector);
        else if (!goes) vm.expectRevert(Outbox.TransferFailed.selector);
        outbox.withdraw{gas: 10_000_000}(payable(receiver));
        if (goes) owed[account] = 0;
    }

    function wait(uint24 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + seconds_ % 20 days);
    }

    // What must hold

    /// Spec 5.5.4.
    function checkMoney() external view {
        uint256 held = 0;
        for (uint256 i = 0; i < 5; i++) {
            vm.assertEq(outbox.credits(accounts[i]), owed[accounts[i]], "credits");
            held += owed[accounts[i]];
        }
        for (uint256 t = 0; t < 3; t++) {
            for (uint256 c = 3; c < 5; c++) {
                uint256 reward = 0;
                for (uint256 i = 0; i < 5; i++) {
                    reward += putUp[keyOf(tasks[t], accounts[c])][accounts[i]];
                }
                vm.assertEq(outbox.reward(taskHash(tasks[t]), accounts[c]), reward, "a reward");
                held += reward;
            }
        }
        vm.assertEq(address(outbox).balance, held, "money");
    }

    /// Whatever nobody earned is reclaimed, and everybody fetches everything.
    function finish() external {
        vm.warp(vm.getBlockTimestamp() + 30 days);
        for (uint256 c = 3; c < 5; c++) {
            Mischief(payable(accounts[c])).setMood(Mischief.Mood.Accept, "");
            for (uint256 t = 0; t < 3; t++) {
                for (uint256 i = 0; i < 5; i++) {
                    _reclaim(tasks[t], accounts[c], accounts[i]);
                }
            }
        }
        empty(IPurse(address(outbox)), accounts);
    }
}

contract OutboxInvariants is Base {
    Rewarders internal rewarders;

    function setUp() external {
        rewarders = new Rewarders();
        targetContract(address(rewarders));
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = Rewarders.fund.selector;
        selectors[1] = Rewarders.reclaim.selector;
        selectors[2] = Rewarders.deliver.selector;
        selectors[3] = Rewarders.withdraw.selector;
        selectors[4] = Rewarders.wait.selector;
        targetSelectors(address(rewarders), selectors);
    }

    /// forge-config: default.invariant.runs = 24
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.shrink-run-limit = 100
    function invariantMoneyIsWhereTheRulesSay() external view {
        rewarders.checkMoney();
    }

    function afterInvariant() external {
        rewarders.finish();
    }
}
