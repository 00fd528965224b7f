// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    Bisection,
    InnerContext,
    ITournament,
    Leaf,
    MatchId,
    Outcome,
    Parameters,
    Result,
    TournamentPreimage,
    Winner
} from "../../src/interfaces/ITournament.sol";
import {IClaimers} from "../../src/interfaces/IRollup.sol";
import {Phase, Progress} from "../../src/dispute/Progress.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {Base, Vm} from "../Base.sol";
import {TallTrace, TallTraces} from "./TallTrace.sol";
import {Toy, ToyVerifier} from "./ToyVerifier.sol";

/// Plays disputes on the real Tournament with full-height traces. What it knows of the contract's state comes from events
/// alone, as for anyone who plays from outside; after each call it compares every match with the hash on chain.
abstract contract DisputeHarness is Base, IClaimers {
    using TallTraces for TallTrace;

    uint64 internal constant LAST_0 = 4 ** 12 - 1;
    uint64 internal constant LAST_1 = 4 ** 14 - 1;
    uint32 internal constant CENSORSHIP = 100;
    uint32 internal constant GRACE = 10;
    uint32 internal constant REPLAY = 40;
    uint32 internal constant TRACE = 20;
    uint32 internal constant A0 = CENSORSHIP + REPLAY + 2 * GRACE + 1;
    uint32 internal constant GRANT = TRACE + GRACE;
    uint128 internal constant STAKE_0 = 10 ether;
    uint128 internal constant STAKE_1 = 1 ether;
    uint128 internal constant CEILING = 50 gwei;

    uint32 internal constant PAUSE_BUDGET = 1000;

    address internal constant TREASURY = address(0x7777);
    address internal constant GUARDIAN = address(0x6a6d);
    address internal constant HONEST = address(0x1001);
    address internal constant MOVER = address(0x2002);

    /// A dispute's batch: three tasks.
    uint64 internal constant TASKS = 3;

    Tournament internal tournament;
    TournamentPreimage internal preimage;
    bytes32 internal parentTournament;
    bytes32 internal parentTrace;
    bytes32[4] internal initialOpening;

    mapping(bytes32 root => TallTrace) internal traces;
    MatchId[] internal matches;
    mapping(bytes32 matchId => Phase) internal phases;
    mapping(bytes32 matchId => Bisection) internal bisections;
    mapping(bytes32 matchId => Leaf) internal leaves;
    mapping(bytes32 inner => InnerContext) internal contexts;
    mapping(bytes32 inner => uint8) internal levels;
    /// Where this contract is the rollup.
    mapping(bytes32 claim => address) public claimerOf;
    mapping(bytes32 root => bytes32) internal lastLeaves;
    mapping(bytes32 tournament => mapping(bytes32 root => bool)) internal isOut;
    uint256 internal joined0;
    uint256 internal joined1;

    /// Tests that play as the rollup deploy with themselves as the rollup.
    function deployTournament(address rollup) internal {
        deployTournament(rollup, address(new ToyVerifier()));
    }

    function deployTournament(address rollup, address verifier) internal {
        tournament = newTournament(rollup, verifier, keccak256("domain"), STAKE_0);
    }

    function newTournament(address rollup, address verifier, bytes32 domain, uint128 stake0)
        internal
        returns (Tournament)
    {
        Parameters memory parameters = Parameters({
            censorshipSeconds: CENSORSHIP,
            graceSeconds: GRACE,
            replaySeconds: REPLAY,
            traceSeconds: TRACE,
            stake0: stake0,
            stake1: STAKE_1,
            priceCeiling: CEILING
        });
        return new Tournament(verifier, domain, parameters, rollup, TREASURY, GUARDIAN, PAUSE_BUDGET);
    }

    /// What each match leaves in the pot (spec 4.6.3).
    function share() internal view returns (uint256) {
        return tournament.COPIED_GAS() * CEILING;
    }

    function setUpDispute() internal {
        vm.warp(1_000_000);
        initialOpening = [bytes32(uint256(1)), bytes32(uint256(2)), bytes32(uint256(3)), bytes32(0)];
        parentTournament = keccak256("parent tournament");
        parentTrace = keccak256("parent trace");
        preimage = TournamentPreimage({
            parentClaim: keccak256(abi.encode(parentTournament, initialState(), parentTrace, bytes32(0))),
            attempt: 0,
            previousBatch: keccak256("previous batch"),
            tasksRoot: keccak256("tasks"),
            count: TASKS,
            time: 999_000,
            blockNumber: 77
        });
        vm.recordLogs();
    }

    function initialState() internal view returns (bytes32) {
        return Toy.quad(initialOpening[0], initialOpening[1], initialOpening[2], initialOpening[3]);
    }

    function batchHash() internal view returns (bytes32) {
        uint256 head = preimage.count | uint256(preimage.time) << 64 | uint256(preimage.blockNumber) << 128;
        return Toy.quad(preimage.previousBatch, preimage.tasksRoot, bytes32(head), 0);
    }

    function tournamentId() internal view returns (bytes32) {
        return Toy.quad(preimage.parentClaim, batchHash(), bytes32(uint256(preimage.attempt)), 0);
    }

    // Traces

    /// The opening of the true sigma after `position`; position LAST_0 + 1 stands for the initial one.
    function trueSigma(uint64 position) internal view returns (bytes32[4] memory s) {
        s = initialOpening;
        if (position > LAST_0) return s;
        uint64 task = position / 4096;
        uint64 phase = position % 4096;
        for (uint64 i = 0; i < (task < TASKS ? task : TASKS); i++) {
            s[1] = Toy.fold(s[1], Toy.machine(Toy.stopOf(i), Toy.stopOf(i)));
        }
        if (task >= TASKS) return s;
        uint256 stop = Toy.stopOf(task);
        if (phase == 4095) s[1] = Toy.fold(s[1], Toy.machine(stop, stop));
        else s[3] = Toy.machine(phase == 0 ? 0 : stop, stop);
    }

    function hashOf(bytes32[4] memory s) internal pure returns (bytes32) {
        return Toy.quad(s[0], s[1], s[2], s[3]);
    }

    function trueTrace() internal view returns (TallTrace memory trace) {
        trace = TallTraces.create(12, hashOf(trueSigma(0)));
        for (uint64 i = 0; i < TASKS; i++) {
            trace = trace.from(4096 * i, hashOf(trueSigma(4096 * i)));
            trace = trace.from(4096 * i + 1, hashOf(trueSigma(4096 * i + 1)));
            trace = trace.from(4096 * i + 4095, hashOf(trueSigma(4096 * i + 4095)));
        }
    }

    /// True before `position`. From there on a lie, which has the shape of a sigma with another machine.
    function lieFrom(uint64 position, uint256 salt) internal view returns (TallTrace memory) {
        bytes32[4] memory s = trueSigma(position);
        s[3] = lieMachine(salt);
        if (position == 0) return TallTraces.create(12, hashOf(s));
        return trueTrace().from(position, hashOf(s));
    }

    function lieMachine(uint256 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode("lie", salt));
    }

    /// The trace of a chunk that starts with machine (n, stop).
    function trueChunk(uint256 n, uint256 stop) internal pure returns (TallTrace memory trace) {
        trace = TallTraces.create(14, Toy.machine(n < stop ? n + 1 : n, stop));
        for (uint64 p = 1; n + p < stop; p++) {
            trace = trace.from(p, Toy.machine(n + p + 1, stop));
        }
    }

    /// True before `position`, and from there on the machine `last`.
    function falseChunk(uint256 n, uint256 stop, uint64 position, bytes32 last)
        internal
        pure
        returns (TallTrace memory)
    {
        if (position == 0) return TallTraces.create(14, last);
        return trueChunk(n, stop).from(position, last);
    }

    function know(TallTrace memory trace) internal returns (bytes32 root) {
        root = trace.root();
        traces[root] = trace;
        lastLeaves[root] = trace.last();
    }

    /// What a claim of level 0 is called (spec 5.4.1).
    function claimId(bytes32 root) internal view returns (bytes32) {
        return Toy.quad(tournamentId(), lastLeaves[root], root, 0);
    }

    function winnerOf(bytes32 root) internal view returns (Winner memory) {
        return Winner(traces[root].rootChildren(), lastLeaves[root]);
    }

    function settle() internal {
        bytes32 dangling = danglingRoot(tournamentId());
        tournament.settle(tournamentId(), lastLeaves[dangling]);
    }

    // Joining, as the rollup

    function openWith(TallTrace memory first, address firstClaimer, TallTrace memory rival, address claimer) internal {
        know(first);
        know(rival);
        uint256 value = 2 * tournament.bond(0);
        vm.deal(address(this), value);
        (claimerOf[claimId(first.root())], claimerOf[claimId(rival.root())]) = (firstClaimer, claimer);
        tournament.join{value: value}(
            tournamentId(),
            initialState(),
            first.root(),
            firstClaimer,
            uint40(tournament.terms(0).time),
            rival.rootChildren(),
            claimer
        );
        joined0 += 2;
        sync();
    }

    function joinWith(TallTrace memory trace, address claimer) internal {
        know(trace);
        uint256 value = tournament.bond(0);
        vm.deal(address(this), value);
        claimerOf[claimId(trace.root())] = claimer;
        tournament.join{value: value}(tournamentId(), 0, 0, address(0), 0, trace.rootChildren(), claimer);
        joined0++;
        sync();
    }

    function joinInner(bytes32 inner, uint8 class, TallTrace memory trace, address claimer) internal {
        know(trace);
        uint256 value = tournament.bond(1);
        vm.deal(claimer, claimer.balance + value);
        vm.prank(claimer);
        tournament.joinInner{value: value}(
            inner, contexts[inner], class, trace.last(), trace.rootChildren(), trace.lastProof()
        );
        joined1++;
        sync();
    }

    // Moves, as MOVER

    function idOf(MatchId memory id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id));
    }

    function onlyMatch() internal view returns (bytes32 matchId) {
        require(matches.length == 1, "one match");
        return idOf(matches[0]);
    }

    function matchOf(bytes32 matchId) internal view returns (MatchId memory) {
        for (uint256 i = 0; i < matches.length; i++) {
            if (idOf(matches[i]) == matchId) return matches[i];
        }
        revert("no such match");
    }

    function heightOf(MatchId memory id) internal view returns (uint8) {
        return levels[id.tournament] == 1 ? 14 : 12;
    }

    function moverRoot(bytes32 matchId) internal view returns (bytes32) {
        MatchId memory id = matchOf(matchId);
        return (heightOf(id) - bisections[matchId].progress.height()) % 2 == 0 ? id.one : id.two;
    }

    struct Advance {
        MatchId id;
        Bisection state;
        bytes32[4] opened;
        bytes32[4] next;
    }

    function advanceArguments(bytes32 matchId) internal view returns (Advance memory a) {
        a.id = matchOf(matchId);
        a.state = bisections[matchId];
        TallTrace memory mine = traces[moverRoot(matchId)];
        (uint8 height, uint64 position) = (a.state.progress.height(), a.state.progress.position());
        a.opened = mine.children(height, position);
        uint64 j = 0;
        while (a.opened[j] == a.state.children[j]) j++;
        a.next = mine.children(height - 1, 4 * position + j);
    }

    function advance(bytes32 matchId) internal {
        Advance memory a = advanceArguments(matchId);
        Tournament played = playedIn(a.id.tournament);
        vm.prank(MOVER);
        played.advance(matchId, a.state.children, a.state.progress, a.opened, a.next);
        sync();
    }

    function send(Advance memory a) internal {
        tournament.advance(idOf(a.id), a.state.children, a.state.progress, a.opened, a.next);
    }

    struct Seal {
        MatchId id;
        Bisection state;
        bytes32[4] leaves;
        bytes agreed;
        bytes32[4] opening;
        InnerContext context;
    }

    function sealArguments(bytes32 matchId) internal view returns (Seal memory s) {
        s.id = matchOf(matchId);
        s.state = bisections[matchId];
        TallTrace memory mine = traces[moverRoot(matchId)];
        s.leaves = mine.children(1, s.state.progress.position());
        uint64 j = 0;
        while (s.leaves[j] == s.state.children[j]) j++;
        uint64 position = 4 * s.state.progress.position() + j;
        if (levels[s.id.tournament] == 1) {
            if (position == 0) s.context = contexts[s.id.tournament];
            else if (j == 0) s.agreed = abi.encodePacked(mine.leaf(position - 1), mine.proof(position - 1));
        } else {
            if (position == 0) {
                s.agreed = abi.encode(parentTournament, initialState(), parentTrace, batchHash(), preimage.attempt);
            } else if (j == 0) {
                s.agreed = abi.encodePacked(mine.leaf(position - 1), mine.proof(position - 1));
            }
            if (position % 4096 != 0 && position % 4096 != 4095) s.opening = trueSigma(position - 1);
        }
    }

    function seal(bytes32 matchId) internal {
        Seal memory s = sealArguments(matchId);
        vm.prank(MOVER);
        send(s);
        sync();
    }

    function send(Seal memory s) internal {
        tournament.seal(s.id, s.state.children, s.state.progress, s.leaves, s.agreed, s.opening, s.context);
    }

    function bisectToSeal(bytes32 matchId) internal {
        while (bisections[matchId].progress.height() > 1) advance(matchId);
    }

    function playToSeal(bytes32 matchId) internal {
        bisectToSeal(matchId);
        seal(matchId);
    }

    /// Proves the true value, when the agreed one is true.
    function prove(bytes32 matchId) internal {
        MatchId memory id = matchOf(matchId);
        Leaf memory state = leaves[matchId];
        Winner memory winner = winnerOf(provenRoot(matchId));
        bytes memory witness = witnessOf(matchId);
        vm.prank(MOVER);
        if (levels[id.tournament] == 1) tournament.proveStep(id, state, witness, winner);
        else tournament.proveTransition(id, state, preimage, witness, winner);
        sync();
    }

    function witnessOf(bytes32 matchId) internal view returns (bytes memory) {
        MatchId memory id = matchOf(matchId);
        uint64 position = leaves[matchId].progress.position();
        if (levels[id.tournament] == 1) {
            (uint256 n, uint256 stop) = machineBefore(id.tournament, position);
            return abi.encode(n, stop);
        }
        return position / 4096 >= TASKS ? bytes("") : abi.encode(trueSigma(position == 0 ? LAST_0 + 1 : position - 1));
    }

    /// The true machine before a position of an inner tournament whose agreed sigma is true.
    function machineBefore(bytes32 inner, uint64 position) internal view returns (uint256 n, uint256 stop) {
        uint64 outer = leaves[inner].progress.position();
        stop = Toy.stopOf(outer / 4096);
        n = outer % 4096 == 1 ? 0 : stop;
        n = n + position < stop ? n + position : stop;
    }

    function provenRoot(bytes32 matchId) internal view returns (bytes32) {
        MatchId memory id = matchOf(matchId);
        bytes32 truth;
        if (levels[id.tournament] == 1) {
            (uint256 n, uint256 stop) = machineBefore(id.tournament, leaves[matchId].progress.position() + 1);
            truth = Toy.machine(n, stop);
        } else {
            truth = hashOf(trueSigma(leaves[matchId].progress.position()));
        }
        return leaves[matchId].leafOne == truth ? id.one : id.two;
    }

    function timeout(bytes32 matchId) internal {
        MatchId memory id = matchOf(matchId);
        bytes32 winner = moverRoot(matchId) == id.one ? id.two : id.one;
        Winner memory opening = winnerOf(winner);
        Bisection memory state = bisections[matchId];
        Tournament played = playedIn(id.tournament);
        vm.prank(MOVER);
        played.timeout(id, state, opening);
        sync();
    }

    function eliminate(bytes32 matchId) internal {
        MatchId memory id = matchOf(matchId);
        Leaf memory state = leaves[matchId];
        vm.prank(MOVER);
        tournament.eliminate(id, state);
        sync();
    }

    function resolve(bytes32 matchId) internal {
        MatchId memory id = matchOf(matchId);
        Leaf memory state = leaves[matchId];
        Winner memory winner;
        (,,,,, bytes32 dangling,) = tournament.arena(matchId);
        if (dangling != 0) {
            (, uint8 class) = tournament.commitment(matchId, dangling);
            winner = winnerOf(class == 1 ? id.one : id.two);
        }
        vm.prank(MOVER);
        tournament.resolveInner(id, state, winner);
        sync();
    }

    // Following events

    function sync() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; i++) {
            if (isPlayed(logs[i].emitter)) _follow(logs[i]);
        }
        for (uint256 i = 0; i < matches.length; i++) {
            bytes32 matchId = idOf(matches[i]);
            bytes32 expected = phases[matchId] == Phase.Bisect
                ? keccak256(abi.encode(bisections[matchId]))
                : keccak256(abi.encode(leaves[matchId]));
            vm.assertEq(playedIn(matches[i].tournament).matchHash(matchId), expected, "events and match state");
        }
    }

    function _follow(Vm.Log memory log) private {
        bytes32 topic = log.topics[0];
        if (topic == ITournament.Matched.selector) {
            (bytes32 one, bytes32 two, Bisection memory state) = abi.decode(log.data, (bytes32, bytes32, Bisection));
            matches.push(MatchId(log.topics[1], one, two));
            vm.assertEq(log.topics[2], idOf(MatchId(log.topics[1], one, two)), "match id");
            phases[log.topics[2]] = Phase.Bisect;
            bisections[log.topics[2]] = state;
        } else if (topic == ITournament.Advanced.selector) {
            (, Bisection memory state) = abi.decode(log.data, (bytes32[4], Bisection));
            _checkCharge(bisections[log.topics[1]].progress, state.progress);
            bisections[log.topics[1]] = state;
        } else if (topic == ITournament.Sealed.selector) {
            leaves[log.topics[1]] = abi.decode(log.data, (Leaf));
            _checkCharge(bisections[log.topics[1]].progress, leaves[log.topics[1]].progress);
            phases[log.topics[1]] = leaves[log.topics[1]].progress.phase();
        } else if (topic == ITournament.InnerOpened.selector) {
            (contexts[log.topics[1]],,,) = abi.decode(log.data, (InnerContext, uint40, uint32, uint32));
            levels[log.topics[1]] = 1;
        } else if (topic == ITournament.MatchEnded.selector) {
            for (uint256 i = 0; i < matches.length; i++) {
                if (idOf(matches[i]) != log.topics[2]) continue;
                Outcome outcome = abi.decode(log.data, (Outcome));
                if (outcome != Outcome.One) isOut[log.topics[1]][matches[i].one] = true;
                if (outcome != Outcome.Two) isOut[log.topics[1]][matches[i].two] = true;
                matches[i] = matches[matches.length - 1];
                matches.pop();
                break;
            }
            vm.assertEq(playedIn(log.topics[1]).matchHash(log.topics[2]), 0, "an ended match is cleared");
        }
        _onEvent(topic, log);
    }

    /// Spec 4.2.4: a move costs its side what it took beyond the grace, and the other side nothing.
    function _checkCharge(Progress before, Progress moved) private pure {
        uint256 elapsed = moved.since() - before.since();
        uint256 cost = elapsed > GRACE ? elapsed - GRACE : 0;
        (uint256 one, uint256 two) = before.height() % 2 == 0 ? (cost, uint256(0)) : (0, cost);
        vm.assertEq(uint256(moved.balanceOne()), before.balanceOne() - one, "clock of one");
        vm.assertEq(uint256(moved.balanceTwo()), before.balanceTwo() - two, "clock of two");
    }

    /// For tests with several versions of the rules: where a tournament is played, and whose events are followed.
    function playedIn(bytes32) internal view virtual returns (Tournament) {
        return tournament;
    }

    function isPlayed(address emitter) internal view virtual returns (bool) {
        return emitter == address(tournament);
    }

    /// For tests that follow more.
    function _onEvent(bytes32 topic, Vm.Log memory log) internal virtual {}

    // Reading

    function eliminated(bytes32 root) internal view returns (bool) {
        return isOut[tournamentId()][root];
    }

    function danglingRoot(bytes32 id) internal view returns (bytes32 dangling) {
        (,,,,, dangling,) = tournament.arena(id);
    }

    function pass(uint256 seconds_) internal {
        vm.warp(vm.getBlockTimestamp() + seconds_);
    }

    receive() external payable {}
}
