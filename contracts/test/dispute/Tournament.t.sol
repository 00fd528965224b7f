// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Overdue, Phase, Progress} from "../../src/dispute/Progress.sol";
import {NodeMismatch} from "../../src/dispute/Match.sol";
import {Tournament} from "../../src/dispute/Tournament.sol";
import {
    Bisection,
    InnerContext,
    ITournament,
    Leaf,
    MatchId,
    Parameters,
    Result,
    TournamentPreimage,
    Winner
} from "../../src/interfaces/ITournament.sol";
import {MaskOutOfRange, RootMismatch} from "../../src/machine/QuadProof.sol";
import {StepVerifier} from "../../src/machine/StepVerifier.sol";
import {DisputeHarness} from "./DisputeHarness.sol";
import {TallTrace, TallTraces} from "./TallTrace.sol";
import {Toy, ToyVerifier} from "./ToyVerifier.sol";

/// The tournament itself (spec 4), with the real heights and a toy transition. This contract is the rollup.
contract TournamentTest is DisputeHarness {
    using TallTraces for TallTrace;

    address internal constant LIAR = address(0x3003);

    function setUp() external {
        deployTournament(address(this));
        setUpDispute();
    }

    function startMatch(uint64 position, bool honestFirst) private returns (bytes32 matchId) {
        if (honestFirst) openWith(trueTrace(), HONEST, lieFrom(position, 1), LIAR);
        else openWith(lieFrom(position, 1), LIAR, trueTrace(), HONEST);
        return onlyMatch();
    }

    /// A lie at a chunk with a machine, bisected and sealed: the inner tournament is open.
    function startInner(bool honestFirst) private returns (bytes32 matchId) {
        matchId = startMatch(1, honestFirst);
        playToSeal(matchId);
        vm.assertTrue(phases[matchId] == Phase.Inner);
    }

    function honestClass(bytes32 matchId) private view returns (uint8) {
        return matchOf(matchId).one == trueTrace().root() ? 1 : 2;
    }

    function requireHonestWon() private {
        vm.assertEq(danglingRoot(tournamentId()), trueTrace().root());
        pass(A0);
        settle();
        (Result result, bytes32 winner) = tournament.result(tournamentId());
        vm.assertTrue(result == Result.Winner);
        vm.assertEq(winner, trueTrace().root());
        vm.assertEq(tournament.credits(HONEST) >= tournament.bond(0) ? 1 : 0, 1);
    }

    // Whole matches, 4.3

    function testLeafMatchesAtEveryKindOfPosition() external {
        uint64[9] memory positions = [
            0, // the first load: the initial value comes from the tournament's id
            4095, // store
            4096, // load
            2 * 4096 + 4095, // the last task's store
            3 * 4096, // after the last task
            3 * 4096 + 17,
            3 * 4096 + 4095,
            LAST_0 - 1,
            LAST_0
        ];
        uint256 fresh = vm.snapshotState();
        for (uint256 i = 0; i < positions.length; i++) {
            this.playLeafMatch(positions[i], false);
            vm.revertToState(fresh);
            this.playLeafMatch(positions[i], true);
            vm.revertToState(fresh);
        }
    }

    /// A call of its own, so that each match has its own memory.
    function playLeafMatch(uint64 position, bool honestFirst) external {
        bytes32 matchId = startMatch(position, honestFirst);
        for (uint256 round = 0; round < 11; round++) {
            advance(matchId);
        }
        seal(matchId);
        vm.assertEq(uint256(leaves[matchId].progress.position()), position);
        vm.assertTrue(phases[matchId] == Phase.AtLeaf);
        prove(matchId);
        requireHonestWon();
    }

    function testInnerMatchesAtEveryKindOfPosition() external {
        uint64[7] memory positions = [0, 1, 2, 3, 4, 63, LAST_1];
        uint256 fresh = vm.snapshotState();
        for (uint256 i = 0; i < positions.length; i++) {
            this.playInnerMatch(positions[i], i % 2 == 0, false);
            vm.revertToState(fresh);
            this.playInnerMatch(positions[i], i % 2 == 1, true);
            vm.revertToState(fresh);
        }
    }

    function playInnerMatch(uint64 position, bool honestFirstInside, bool honestFirst) external {
        bytes32 outer = startInner(honestFirst);
        uint8 class = honestClass(outer);
        if (honestFirstInside) joinInner(outer, class, trueChunk(0, 5), HONEST);
        joinInner(outer, 3 - class, falseChunk(0, 5, position, lieMachine(1)), LIAR);
        if (!honestFirstInside) joinInner(outer, class, trueChunk(0, 5), HONEST);
        bytes32 inner = idOf(matches[1]);
        for (uint256 round = 0; round < 13; round++) {
            advance(inner);
        }
        seal(inner);
        vm.assertEq(uint256(leaves[inner].progress.position()), position);
        prove(inner);
        (,, uint32 one, uint32 two,,,) = tournament.arena(outer);
        pass(class == 1 ? two : one);
        resolve(outer);
        requireHonestWon();
        vm.assertTrue(tournament.credits(HONEST) >= tournament.bond(0) + tournament.bond(1));
    }

    /// Lies about a chunk of the second task and of a chunk late in the first, whose agreed machine has halted.
    /// forge-config: default.fuzz.runs = 48
    function testFuzzMatches(uint64 position, uint64 innerPosition, bool honestFirst) external {
        position = uint64(bound(position, 0, 4 * 4096));
        innerPosition = uint64(bound(innerPosition, 0, 40));
        bytes32 matchId = startMatch(position, honestFirst);
        playToSeal(matchId);
        vm.assertEq(uint256(leaves[matchId].progress.position()), position);
        if (phases[matchId] == Phase.Inner) {
            uint8 class = honestClass(matchId);
            (uint256 n, uint256 stop) = machineBefore(matchId, 0);
            joinInner(matchId, class, trueChunk(n, stop), HONEST);
            joinInner(matchId, 3 - class, falseChunk(n, stop, innerPosition, lieMachine(1)), LIAR);
            bytes32 inner = idOf(matches[1]);
            playToSeal(inner);
            prove(inner);
            pass(A0 + GRANT);
            resolve(matchId);
        } else {
            prove(matchId);
        }
        requireHonestWon();
    }

    /// With the verifier that is deployed: a transition after the last task at level 0, and a step of a machine that has
    /// halted at level 1, both identities. The verifier's own tests execute everything else.
    function testTheRealVerifier() external {
        deployTournament(address(this), address(new StepVerifier()));
        uint256 fresh = vm.snapshotState();
        this.playAfterTheLastTask();
        vm.revertToState(fresh);
        this.playHaltedMachine();
    }

    function playAfterTheLastTask() external {
        bytes32 matchId = startMatch(3 * 4096 + 17, false);
        playToSeal(matchId);
        prove(matchId);
        requireHonestWon();
    }

    function playHaltedMachine() external {
        // Spec 3.1.3, 3.1.4: control word with status 1 (halted), registers, memory root.
        bytes32 memoryRoot = keccak256("memory");
        bytes32 control = bytes32(uint256(1) << 56);
        bytes memory registers = new bytes(256);
        bytes32 emptyHalf = Toy.quad(0, 0, 0, 0);
        bytes32 machine = Toy.quad(memoryRoot, emptyHalf, emptyHalf, control);
        bytes32[4] memory opening = initialOpening;
        opening[3] = machine;
        bytes32[4] memory lieOpening = initialOpening;
        lieOpening[3] = lieMachine(1);
        TallTrace memory truth = TallTraces.create(12, hashOf(opening));
        openWith(truth.from(1, hashOf(lieOpening)), LIAR, truth, HONEST);
        bytes32 outer = onlyMatch();
        bisectToSeal(outer);
        Seal memory s = sealArguments(outer);
        s.opening = opening;
        send(s);
        sync();
        vm.assertTrue(phases[outer] == Phase.Inner);

        TallTrace memory chunk = TallTraces.create(14, machine);
        joinInner(outer, 2, chunk, HONEST);
        joinInner(outer, 1, chunk.from(7, lieMachine(1)), LIAR);
        bytes32 inner = idOf(matches[1]);
        playToSeal(inner);
        MatchId memory id = matchOf(inner);
        Winner memory winner = winnerOf(chunk.root());
        Leaf memory state = leaves[inner];
        tournament.proveStep(id, state, abi.encodePacked(control, registers, memoryRoot), winner);
        sync();
        vm.assertEq(danglingRoot(outer), chunk.root());
        pass(A0 + GRANT);
        resolve(outer);
        vm.assertEq(danglingRoot(tournamentId()), truth.root());
    }

    // What a move refuses, 4.3.2 to 4.3.5

    function testAdvanceRefusesWrongNodes() external {
        bytes32 matchId = startMatch(0, true);
        Advance memory a = advanceArguments(matchId);
        for (uint256 i = 0; i < 4; i++) {
            bytes32 kept = a.opened[i];
            a.opened[i] = keccak256("other");
            // What it opens is no node of this match.
            vm.expectRevert(Tournament.WrongState.selector);
            send(a);
            a.opened[i] = kept;
            kept = a.next[i];
            a.next[i] = keccak256("other");
            vm.expectRevert(NodeMismatch.selector);
            send(a);
            a.next[i] = kept;
        }
        send(a);
    }

    function testEveryFieldOfTheStateIsChecked() external {
        bytes32 matchId = startMatch(0, true);
        advance(matchId);
        Advance memory a = advanceArguments(matchId);
        // The match, four children and the progress: whichever is another, there is no such match.
        for (uint256 bit = 0; bit < 256; bit += 3) {
            Progress other = Progress.wrap(Progress.unwrap(a.state.progress) ^ 1 << bit);
            vm.expectRevert(Tournament.WrongState.selector);
            tournament.advance(matchId, a.state.children, other, a.opened, a.next);
        }
        for (uint256 i = 0; i < 4; i++) {
            bytes32[4] memory children = a.state.children;
            bytes32 kept = children[i];
            children[i] = kept ^ bytes32(uint256(1));
            vm.expectRevert(Tournament.WrongState.selector);
            tournament.advance(matchId, children, a.state.progress, a.opened, a.next);
            children[i] = kept;
        }
        vm.expectRevert(Tournament.WrongState.selector);
        tournament.advance(matchId ^ bytes32(uint256(1)), a.state.children, a.state.progress, a.opened, a.next);
        bisectToSeal(matchId);
        Seal memory s = sealArguments(matchId);
        for (uint256 i = 0; i < 9; i++) {
            if (i < 4) s.state.children[i] ^= bytes32(uint256(1));
            else if (i < 8) s.leaves[i - 4] ^= bytes32(uint256(1));
            else s.state.progress = Progress.wrap(Progress.unwrap(s.state.progress) ^ 1 << 80);
            vm.expectRevert(Tournament.WrongState.selector);
            send(s);
            s = sealArguments(matchId);
        }
        seal(matchId);
        Winner memory winner = winnerOf(provenRoot(matchId));
        bytes memory witness = witnessOf(matchId);
        for (uint256 offset = 96; offset < 128; offset++) {
            bytes memory encoded = abi.encode(leaves[matchId]);
            encoded[offset] = bytes1(uint8(encoded[offset]) ^ 1);
            Leaf memory state = abi.decode(encoded, (Leaf));
            vm.expectRevert(Tournament.WrongState.selector);
            tournament.proveTransition(a.id, state, preimage, witness, winner);
            vm.expectRevert(Tournament.WrongState.selector);
            tournament.eliminate(a.id, state);
            vm.expectRevert(Tournament.WrongState.selector);
            tournament.resolveInner(a.id, state, winner);
        }
    }

    function testPhasesAndHeightsDoNotMix() external {
        bytes32 matchId = startMatch(0, true);
        Seal memory s;
        s.id = matchOf(matchId);
        s.state = bisections[matchId];
        s.leaves = advanceArguments(matchId).opened;
        vm.expectRevert(Tournament.WrongHeight.selector);
        send(s);
        bisectToSeal(matchId);
        Seal memory right = sealArguments(matchId);
        Bisection memory last = right.state;
        bytes32[4] memory nothing;
        vm.expectRevert(Tournament.WrongHeight.selector);
        tournament.advance(matchId, last.children, last.progress, right.leaves, nothing);

        seal(matchId);
        Leaf memory leaf = leaves[matchId];
        Winner memory none;
        pass(100_000);
        // Spec 4.3.6: no win by timeout at the leaf.
        vm.expectRevert(Tournament.WrongState.selector);
        tournament.timeout(s.id, last, none);
        vm.expectRevert(Tournament.WrongLevel.selector);
        tournament.proveStep(s.id, leaf, "", none);
        vm.expectRevert(Tournament.WrongState.selector);
        tournament.resolveInner(s.id, leaf, none);
    }

    function testSealRefusesAnotherAgreedValue() external {
        // j = 0 and p > 0: a proof against the mover's root.
        bytes32 matchId = startMatch(4096, true);
        bisectToSeal(matchId);
        Seal memory s = sealArguments(matchId);
        vm.assertTrue(s.agreed.length >= 40);
        bytes memory kept = s.agreed;
        for (uint256 i = 0; i < kept.length; i++) {
            s.agreed = abi.encodePacked(kept);
            s.agreed[i] ^= 0x01;
            vm.expectRevert();
            send(s);
        }
        s.agreed = abi.encodePacked(kept, bytes1(0));
        vm.expectRevert();
        send(s);
        s.agreed = "";
        vm.expectRevert(Tournament.WrongAgreed.selector);
        send(s);
        s.agreed = kept;
        send(s);
    }

    function testSealAtPositionZeroNeedsThePreimageOfTheTournament() external {
        bytes32 matchId = startMatch(0, false);
        bisectToSeal(matchId);
        Seal memory s = sealArguments(matchId);
        bytes memory kept = s.agreed;
        vm.assertEq(kept.length, 160);
        for (uint256 i = 0; i < 160; i += 31) {
            s.agreed = abi.encodePacked(kept);
            s.agreed[i] ^= 0x80;
            vm.expectRevert(Tournament.WrongAgreed.selector);
            send(s);
        }
        s.agreed = abi.encodePacked(kept, bytes32(0));
        vm.expectRevert(Tournament.WrongAgreed.selector);
        send(s);
        s.agreed = kept;
        send(s);
    }

    function testSealAmongOpenedLeavesTakesNothing() external {
        bytes32 matchId = startMatch(4095, true);
        bisectToSeal(matchId);
        Seal memory s = sealArguments(matchId);
        vm.assertEq(s.agreed.length, 0);
        s.agreed = abi.encode(s.leaves[2]);
        vm.expectRevert(Tournament.WrongAgreed.selector);
        send(s);
    }

    function testSealOfAChunkNeedsTheOpening() external {
        bytes32 matchId = startMatch(2, true);
        bisectToSeal(matchId);
        Seal memory s = sealArguments(matchId);
        s.opening[3] = 0;
        vm.expectRevert(NodeMismatch.selector);
        send(s);
    }

    function testInnerSealAtPositionZeroNeedsTheContext() external {
        bytes32 outer = startInner(true);
        joinInner(outer, 1, trueChunk(0, 5), HONEST);
        joinInner(outer, 2, falseChunk(0, 5, 0, lieMachine(1)), LIAR);
        bytes32 inner = idOf(matches[1]);
        bisectToSeal(inner);
        Seal memory s = sealArguments(inner);
        s.context.machineRoot = lieMachine(1);
        vm.expectRevert(Tournament.WrongContext.selector);
        send(s);
        s = sealArguments(inner);
        s.agreed = abi.encode(s.context.machineRoot);
        vm.expectRevert(Tournament.WrongAgreed.selector);
        send(s);
    }

    /// Spec 4.3.5: whatever goes wrong with a proof, it reverts and nobody is out.
    function testWrongProofsEliminateNobody() external {
        bytes32 matchId = startMatch(4096, true);
        playToSeal(matchId);
        MatchId memory id = matchOf(matchId);
        Leaf memory state = leaves[matchId];
        Winner memory winner = winnerOf(provenRoot(matchId));
        bytes memory witness = witnessOf(matchId);
        vm.expectRevert();
        tournament.proveTransition(id, state, preimage, "", winner);
        vm.expectRevert(ToyVerifier.WrongWitness.selector);
        tournament.proveTransition(id, state, preimage, abi.encode(trueSigma(0)), winner);
        // Each field of the batch belongs to the tournament's id.
        for (uint256 word = 0; word < 7; word++) {
            bytes memory encoded = abi.encode(preimage);
            encoded[32 * word + 31] = bytes1(uint8(encoded[32 * word + 31]) ^ 1);
            TournamentPreimage memory other = abi.decode(encoded, (TournamentPreimage));
            vm.expectRevert(Tournament.WrongPreimage.selector);
            tournament.proveTransition(id, state, other, witness, winner);
        }
        vm.assertEq(tournament.matchHash(matchId), keccak256(abi.encode(state)));
        // The winner is paid by its claim, which its state root and its trace root name (spec 4.10.9).
        winner.stateRoot ^= bytes32(uint256(1));
        vm.expectRevert(Tournament.UnknownClaim.selector);
        tournament.proveTransition(id, state, preimage, witness, winner);
        winner.stateRoot ^= bytes32(uint256(1));
        tournament.proveTransition(id, state, preimage, witness, winner);
    }

    /// Two liars: the transition proves neither of their leaves, and both go out by the clock.
    function testProofOfNeitherLeaf() external {
        openWith(lieFrom(4096, 1), LIAR, lieFrom(4096, 2), LIAR);
        bytes32 matchId = onlyMatch();
        playToSeal(matchId);
        MatchId memory id = matchOf(matchId);
        Winner memory none;
        bytes memory witness = witnessOf(matchId);
        bytes32 truth = hashOf(trueSigma(4096));
        vm.expectRevert(abi.encodeWithSelector(Tournament.NeitherLeaf.selector, truth));
        tournament.proveTransition(id, leaves[matchId], preimage, witness, none);
        pass(A0);
        eliminate(matchId);
        settle();
        (Result result, bytes32 winner) = tournament.result(tournamentId());
        vm.assertTrue(result == Result.NoWinner && winner == 0);
        vm.assertEq(tournament.credits(TREASURY), 2 * tournament.bond(0));
        vm.assertEq(address(tournament).balance, 2 * tournament.bond(0));
        vm.assertEq(tournament.pot(tournamentId()), 0);
    }

    // Clocks, 4.2.4 and 4.3.4 to 4.3.6, to the second

    function testMoveOneSecondBeforeTheDeadlineAndTimeoutAtIt() external {
        bytes32 matchId = startMatch(0, true);
        MatchId memory id = matchOf(matchId);
        uint256 fresh = vm.snapshotState();
        Advance memory a = advanceArguments(matchId);
        Winner memory rival = winnerOf(id.two);

        pass(A0 - 1);
        vm.expectRevert(Tournament.NotOverdue.selector);
        tournament.timeout(id, a.state, rival);
        send(a);
        vm.revertToState(fresh);

        pass(A0);
        vm.expectRevert(Overdue.selector);
        send(a);
        tournament.timeout(id, a.state, rival);
        sync();
        vm.assertTrue(eliminated(id.one));
        vm.assertEq(danglingRoot(tournamentId()), id.two);
    }

    function testASealIsChargedLikeAnyMove() external {
        bytes32 matchId = startMatch(0, true);
        bisectToSeal(matchId);
        pass(GRACE + 7);
        seal(matchId);
        vm.assertEq(uint256(leaves[matchId].progress.balanceOne()), A0);
        vm.assertEq(uint256(leaves[matchId].progress.balanceTwo()), A0 - 7);
    }

    /// Spec 4.3.4: the winner pays nothing, however late its win is called.
    function testTimeoutCostsTheWinnerNothing() external {
        bytes32 matchId = startMatch(0, true);
        pass(30);
        advance(matchId);
        pass(20);
        advance(matchId);
        vm.assertEq(uint256(bisections[matchId].progress.balanceOne()), A0 - 30 + GRACE);
        vm.assertEq(uint256(bisections[matchId].progress.balanceTwo()), A0 - 20 + GRACE);
        MatchId memory id = matchOf(matchId);
        pass(50_000);
        timeout(matchId);
        vm.assertEq(danglingRoot(tournamentId()), id.two);
        vm.assertEq(uint256(tournament.danglingBalance(tournamentId())), A0 - 20 + GRACE);
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzzCharges(uint256 seed) external {
        bytes32 matchId = startMatch(0, true);
        uint32[2] memory balances = [A0, A0];
        for (uint256 round = 0; round < 11; round++) {
            uint32 spent = uint32(uint256(keccak256(abi.encode(seed, round))) % 40);
            if (spent >= balances[round % 2]) break;
            pass(spent);
            advance(matchId);
            if (spent > GRACE) balances[round % 2] -= spent - GRACE;
            vm.assertEq(uint256(bisections[matchId].progress.balanceOne()), balances[0]);
            vm.assertEq(uint256(bisections[matchId].progress.balanceTwo()), balances[1]);
        }
    }

    function testProveOneSecondBeforeTheDeadlineAndEliminateAtIt() external {
        bytes32 matchId = startMatch(4096, true);
        pass(GRACE + 60);
        playToSeal(matchId);
        MatchId memory id = matchOf(matchId);
        Leaf memory state = leaves[matchId];
        vm.assertEq(uint256(state.progress.balanceOne()), A0 - 60);
        vm.assertEq(uint256(state.progress.balanceTwo()), A0);
        Winner memory none;
        bytes memory witness = witnessOf(matchId);
        uint256 sealedAt = vm.getBlockTimestamp();
        uint256 fresh = vm.snapshotState();

        // One is the true side. Its own clock decides.
        vm.warp(sealedAt + A0 - 61);
        prove(matchId);
        vm.assertEq(uint256(tournament.danglingBalance(tournamentId())), 1 + GRACE);
        vm.revertToState(fresh);

        vm.warp(sealedAt + A0 - 60);
        vm.expectRevert(Overdue.selector);
        tournament.proveTransition(id, state, preimage, witness, none);
        vm.expectRevert(Tournament.NotOverdue.selector);
        tournament.eliminate(id, state);
        vm.warp(sealedAt + A0 - 1);
        vm.expectRevert(Tournament.NotOverdue.selector);
        tournament.eliminate(id, state);
        vm.warp(sealedAt + A0);
        vm.expectRevert(Overdue.selector);
        tournament.proveTransition(id, state, preimage, witness, none);
        tournament.eliminate(id, state);
        sync();
        vm.assertTrue(eliminated(id.one) && eliminated(id.two));
    }

    function testLateRivalHasWhatIsLeft() external {
        TallTrace memory lie = lieFrom(0, 1);
        TallTrace memory truth = trueTrace();
        know(lie);
        know(truth);
        uint256 value = 2 * tournament.bond(0);
        vm.deal(address(this), 2 * value);
        uint40 start = uint40(vm.getBlockTimestamp());
        pass(A0);
        vm.expectRevert(Tournament.WindowClosed.selector);
        tournament.join{value: value}(
            tournamentId(), initialState(), lie.root(), LIAR, start, truth.rootChildren(), HONEST
        );
        vm.warp(start + A0 - 1);
        tournament.join{value: value}(
            tournamentId(), initialState(), lie.root(), LIAR, start, truth.rootChildren(), HONEST
        );
        sync();
        bytes32 matchId = onlyMatch();
        vm.assertEq(uint256(bisections[matchId].progress.balanceOne()), A0);
        vm.assertEq(uint256(bisections[matchId].progress.balanceTwo()), 1);
        pass(1);
        value = tournament.bond(0);
        bytes32[4] memory third = lieFrom(1, 2).rootChildren();
        vm.expectRevert(Tournament.WindowClosed.selector);
        tournament.join{value: value}(tournamentId(), 0, 0, address(0), 0, third, LIAR);
    }

    // Inner tournaments, 4.2.3 and 4.3.7

    function testInnerClocksAreTheirClasses() external {
        bytes32 outer = startMatch(1, true);
        pass(GRACE + 40);
        playToSeal(outer);
        (uint8 level, uint40 start, uint32 one, uint32 two,,,) = tournament.arena(outer);
        vm.assertEq(uint256(level), 1);
        vm.assertEq(uint256(one), A0 - 40 + GRANT);
        vm.assertEq(uint256(two), A0 + GRANT);
        TallTrace memory lie = falseChunk(0, 5, 2, lieMachine(1));
        TallTrace memory truth = trueChunk(0, 5);
        vm.warp(start + one);
        uint256 value = tournament.bond(1);
        vm.deal(address(this), 3 * value);
        InnerContext memory context = contexts[outer];
        vm.expectRevert(Tournament.WindowClosed.selector);
        tournament.joinInner{value: value}(outer, context, 1, truth.last(), truth.rootChildren(), truth.lastProof());
        joinInner(outer, 2, lie, LIAR);
        (address claimer, uint8 class) = tournament.commitment(outer, lie.root());
        vm.assertEq(claimer, LIAR);
        vm.assertEq(uint256(tournament.danglingBalance(outer)), two - one);
        vm.assertEq(uint256(class), 2);
        // The window of the absent class has closed: decided at once. The winner goes on with what it has left inside.
        resolve(outer);
        vm.assertTrue(eliminated(trueTrace().root()));
        vm.assertEq(uint256(tournament.danglingBalance(tournamentId())), two - one);
    }

    function testInnerResolvesWhenTheAbsentClassesWindowCloses() external {
        bytes32 outer = startMatch(1, true);
        pass(GRACE + 40);
        playToSeal(outer);
        MatchId memory id = matchOf(outer);
        Leaf memory state = leaves[outer];
        Winner memory none;
        (, uint40 start, uint32 one, uint32 two,,,) = tournament.arena(outer);
        uint256 fresh = vm.snapshotState();

        joinInner(outer, 1, trueChunk(0, 5), HONEST);
        vm.warp(start + two - 1);
        vm.expectRevert(Tournament.Undecidable.selector);
        tournament.resolveInner(id, state, none);
        vm.warp(start + two);
        resolve(outer);
        vm.assertTrue(eliminated(id.two) && !eliminated(id.one));
        vm.assertEq(uint256(tournament.danglingBalance(tournamentId())), A0 - 40);
        // The bond inside, the prize of a tournament that nobody else joined, and the prize of the match.
        vm.assertEq(tournament.credits(HONEST), tournament.bond(1) + STAKE_1 / 10 + STAKE_0 / 10);
        // Decided: it is closed to all, and resolves once.
        vm.expectRevert(Tournament.WrongState.selector);
        tournament.resolveInner(id, state, none);
        vm.revertToState(fresh);

        joinInner(outer, 2, falseChunk(0, 5, 0, lieMachine(1)), LIAR);
        vm.warp(start + one - 1);
        vm.expectRevert(Tournament.Undecidable.selector);
        tournament.resolveInner(id, state, none);
        vm.warp(start + one);
        resolve(outer);
        vm.assertTrue(eliminated(id.one) && !eliminated(id.two));
        TallTrace memory truth = trueChunk(0, 5);
        uint256 value = tournament.bond(1);
        vm.deal(address(this), value);
        InnerContext memory context = contexts[outer];
        vm.expectRevert(Tournament.AlreadySettled.selector);
        tournament.joinInner{value: value}(outer, context, 1, truth.last(), truth.rootChildren(), truth.lastProof());
    }

    function testInnerWithoutAnyoneLosesBoth() external {
        bytes32 outer = startInner(true);
        MatchId memory id = matchOf(outer);
        Leaf memory state = leaves[outer];
        Winner memory none;
        pass(A0 + GRANT - 1);
        vm.expectRevert(Tournament.Undecidable.selector);
        tournament.resolveInner(id, state, none);
        pass(1);
        resolve(outer);
        vm.assertTrue(eliminated(id.one) && eliminated(id.two));
        settle();
        (Result result,) = tournament.result(tournamentId());
        vm.assertTrue(result == Result.NoWinner);
    }

    function testInnerWaitsForItsMatches() external {
        bytes32 outer = startInner(true);
        joinInner(outer, 1, trueChunk(0, 5), HONEST);
        joinInner(outer, 2, falseChunk(0, 5, 7, lieMachine(1)), LIAR);
        MatchId memory id = matchOf(outer);
        Leaf memory state = leaves[outer];
        Winner memory none;
        pass(A0 + GRANT - 1);
        vm.expectRevert(Tournament.MatchesLive.selector);
        tournament.resolveInner(id, state, none);
        vm.expectRevert(Tournament.WrongLevel.selector);
        tournament.settle(outer, 0);
    }

    function testJoinInnerBindsClassAndLastLeaf() external {
        bytes32 outer = startInner(true);
        TallTrace memory truth = trueChunk(0, 5);
        InnerContext memory context = contexts[outer];
        bytes32[4] memory children = truth.rootChildren();
        bytes memory lastProof = truth.lastProof();
        bytes32 last = truth.last();
        uint256 value = tournament.bond(1);
        vm.deal(address(this), 10 * value);
        vm.expectRevert(abi.encodeWithSelector(Tournament.WrongBond.selector, value));
        tournament.joinInner{value: value - 1}(outer, context, 1, last, children, lastProof);
        vm.expectRevert(abi.encodeWithSelector(Tournament.WrongBond.selector, value));
        tournament.joinInner{value: value + 1}(outer, context, 1, last, children, lastProof);
        for (uint8 class = 0; class < 4; class++) {
            if (class == 1) continue;
            vm.expectRevert(Tournament.WrongClass.selector);
            tournament.joinInner{value: value}(outer, context, class, last, children, lastProof);
        }
        // The other class's leaf is not the last of this trace.
        bytes32 lie = lieMachine(1);
        vm.expectRevert(RootMismatch.selector);
        tournament.joinInner{value: value}(outer, context, 2, lie, children, lastProof);
        vm.expectRevert(MaskOutOfRange.selector);
        tournament.joinInner{value: value}(outer, context, 1, last, children, hex"0000040000000000");
        // There is no third class, not even for what the second may join with.
        TallTrace memory other = falseChunk(0, 5, 0, lie);
        bytes32[4] memory others = other.rootChildren();
        bytes memory otherProof = other.lastProof();
        vm.expectRevert(Tournament.WrongClass.selector);
        tournament.joinInner{value: value}(outer, context, 3, lie, others, otherProof);
        context.sigmaTwo = context.sigmaOne;
        vm.expectRevert(Tournament.WrongContext.selector);
        tournament.joinInner{value: value}(outer, context, 1, last, children, lastProof);
        context = contexts[outer];
        vm.expectRevert(Tournament.WrongContext.selector);
        tournament.joinInner{value: value}(tournamentId(), context, 1, last, children, lastProof);
        tournament.joinInner{value: value}(outer, context, 1, last, children, lastProof);
        vm.expectRevert(Tournament.RootAlreadyJoined.selector);
        tournament.joinInner{value: value}(outer, context, 1, last, children, lastProof);
    }

    /// Squatters of both classes join first; the true trace of the true class beats them one after another.
    function testClassSquatters() external {
        bytes32 outer = startInner(false);
        uint8 class = honestClass(outer);
        bytes32 machineTruth = trueChunk(0, 5).last();
        joinInner(outer, class, falseChunk(0, 5, 3, lieMachine(5)).from(900, machineTruth), LIAR);
        joinInner(outer, class, falseChunk(0, 5, 2, lieMachine(6)).from(901, machineTruth), LIAR);
        joinInner(outer, 3 - class, falseChunk(0, 5, 1, lieMachine(1)), LIAR);
        joinInner(outer, class, trueChunk(0, 5), HONEST);
        vm.assertEq(matches.length, 3);
        while (matches.length > 1) {
            bytes32 inner = idOf(matches[1]);
            playToSeal(inner);
            uint64 position = leaves[inner].progress.position();
            (uint256 n, uint256 stop) = machineBefore(outer, position);
            if (leaves[inner].agreed == Toy.machine(n, stop) && hasTrueLeaf(inner)) {
                prove(inner);
            } else {
                pass(A0 + GRANT);
                eliminate(inner);
            }
        }
        pass(A0 + GRANT);
        resolve(outer);
        requireHonestWon();
    }

    function hasTrueLeaf(bytes32 inner) private view returns (bool) {
        (uint256 n, uint256 stop) = machineBefore(matchOf(inner).tournament, leaves[inner].progress.position() + 1);
        bytes32 truth = Toy.machine(n, stop);
        return leaves[inner].leafOne == truth || leaves[inner].leafTwo == truth;
    }

    // Rivals, 4.2.5 and 4.4

    function testWinnersArePairedAgain() external {
        openWith(lieFrom(4096, 1), LIAR, trueTrace(), HONEST);
        bytes32 first = onlyMatch();
        joinWith(lieFrom(4095, 2), LIAR);
        joinWith(lieFrom(1, 3), LIAR);
        joinWith(lieFrom(12_288, 4), LIAR);
        (,,,, uint32 live, bytes32 dangling,) = tournament.arena(tournamentId());
        vm.assertEq(uint256(live), 2);
        vm.assertEq(dangling, lieFrom(12_288, 4).root());

        playToSeal(first);
        MatchId memory id = matchOf(first);
        Leaf memory state = leaves[first];
        bytes memory witness = witnessOf(first);
        Winner memory none = winnerOf(trueTrace().root());
        none.children[3] ^= bytes32(uint256(1));
        // The winner goes straight into its next match, so its children are needed.
        vm.expectRevert(NodeMismatch.selector);
        tournament.proveTransition(id, state, preimage, witness, none);
        pass(GRACE + 7);
        prove(first);
        vm.assertEq(matches.length, 2);
        bytes32 second = idOf(matches[matches.length - 1]);
        vm.assertEq(matchOf(second).one, dangling);
        vm.assertEq(matchOf(second).two, trueTrace().root());
        vm.assertEq(uint256(bisections[second].progress.balanceTwo()), A0 - 7);

        playToSeal(second);
        prove(second);
        vm.assertEq(danglingRoot(tournamentId()), trueTrace().root());
        bytes32 liars = onlyMatch();
        pass(A0);
        bytes32 last = lastLeaves[danglingRoot(tournamentId())];
        vm.expectRevert(Tournament.MatchesLive.selector);
        tournament.settle(tournamentId(), last);
        timeout(liars);
        bytes32 third = onlyMatch();
        vm.assertEq(matchOf(third).one, trueTrace().root());
        bisectToSeal(third);
        seal(third);
        if (phases[third] == Phase.Inner) {
            joinInner(third, 1, trueChunk(0, 5), HONEST);
            pass(A0 + GRANT);
            resolve(third);
        } else {
            prove(third);
        }
        requireHonestWon();
    }

    function testSettleAtTheSecond() external {
        bytes32 matchId = startMatch(4096, true);
        uint256 start = vm.getBlockTimestamp();
        playToSeal(matchId);
        prove(matchId);
        vm.warp(start + A0 - 1);
        bytes32 last = lastLeaves[danglingRoot(tournamentId())];
        vm.expectRevert(Tournament.WindowOpen.selector);
        tournament.settle(tournamentId(), last);
        vm.warp(start + A0);
        settle();
        vm.expectRevert(Tournament.AlreadySettled.selector);
        tournament.settle(tournamentId(), last);
        vm.expectRevert(Tournament.NoTournament.selector);
        tournament.settle(keccak256("no such tournament"), 0);
    }

    function testOnlyTheRollupJoins() external {
        bytes32[4] memory children = trueTrace().rootChildren();
        uint256 value = tournament.bond(0);
        uint40 now_ = uint40(vm.getBlockTimestamp());
        vm.deal(LIAR, 4 * value);
        vm.prank(LIAR);
        vm.expectRevert(Tournament.OnlyRollup.selector);
        tournament.join{value: 2 * value}(tournamentId(), 0, keccak256("root"), LIAR, now_, children, LIAR);
        vm.deal(address(this), 4 * value);
        vm.expectRevert(abi.encodeWithSelector(Tournament.WrongBond.selector, 2 * value));
        tournament.join{value: value}(tournamentId(), 0, keccak256("root"), LIAR, now_, children, LIAR);
        startMatch(0, true);
        vm.deal(address(this), 4 * value);
        children = lieFrom(1, 9).rootChildren();
        vm.expectRevert(abi.encodeWithSelector(Tournament.WrongBond.selector, value));
        tournament.join{value: value + 1}(tournamentId(), 0, 0, address(0), 0, children, LIAR);
    }

    // Money, 4.6

    function testMovesAreRefundedUpToTheCeiling() external {
        vm.txGasPrice(20 gwei);
        bytes32 matchId = startMatch(4096, true);
        advance(matchId);
        vm.assertEq(tournament.credits(MOVER), tournament.ADVANCE_GAS() * 20 gwei);
        vm.txGasPrice(1000 gwei);
        advance(matchId);
        uint256 spent = tournament.ADVANCE_GAS() * (20 gwei + uint256(CEILING));
        vm.assertEq(tournament.credits(MOVER), spent);
        vm.assertEq(uint256(bisections[matchId].progress.spent()), spent);
    }

    /// The longest match at any price: the reserve covers it, the winner's claimer gets a tenth of the stake, the
    /// treasury the rest, and nothing is left over.
    function testTheReserveCoversTheLongestMatch() external {
        vm.txGasPrice(1 ether);
        bytes32 outer = startInner(true);
        joinInner(outer, 1, trueChunk(0, 5), HONEST);
        joinInner(outer, 2, falseChunk(0, 5, 3, lieMachine(1)), LIAR);
        bytes32 inner = idOf(matches[1]);
        playToSeal(inner);
        prove(inner);
        uint256 reserve1 = tournament.bond(1) - STAKE_1;
        uint256 spent1 =
            (13 * tournament.ADVANCE_GAS() + tournament.SEAL_GAS() + tournament.PROVE_GAS()) * uint256(CEILING);
        vm.assertEq(spent1, reserve1);
        vm.assertEq(tournament.credits(TREASURY), STAKE_1 - STAKE_1 / 10 - share());
        vm.assertEq(tournament.credits(HONEST), STAKE_1 / 10);
        pass(A0 + GRANT);
        resolve(outer);
        requireHonestWon();
        // At both levels its bond, the prize and the share of the match, and the prize of the tournament, less what
        // settling is refunded.
        uint256 settling = tournament.SETTLE_GAS() * uint256(CEILING);
        vm.assertEq(tournament.credits(address(this)), settling);
        uint256 prizes = (STAKE_0 + STAKE_1) / 5 + 2 * share();
        vm.assertEq(tournament.credits(HONEST), tournament.bond(0) + tournament.bond(1) + prizes - settling);
        uint256 credits =
            tournament.credits(HONEST) + tournament.credits(TREASURY) + tournament.credits(MOVER) + settling;
        vm.assertEq(address(tournament).balance, credits);
        vm.assertEq(credits, 2 * tournament.bond(0) + 2 * tournament.bond(1));
    }

    function testWithdraw() external {
        vm.txGasPrice(1 gwei);
        bytes32 matchId = startMatch(0, true);
        advance(matchId);
        uint256 amount = tournament.credits(MOVER);
        vm.prank(MOVER);
        vm.expectRevert(Tournament.TransferFailed.selector);
        tournament.withdraw(payable(address(tournament)));
        vm.prank(MOVER);
        tournament.withdraw(payable(address(0xbeef)));
        vm.assertEq(address(0xbeef).balance, amount);
        vm.prank(MOVER);
        vm.expectRevert(Tournament.NothingToWithdraw.selector);
        tournament.withdraw(payable(address(0xbeef)));
    }

    function testWithdrawReentered() external {
        vm.txGasPrice(1 gwei);
        bytes32 matchId = startMatch(0, true);
        Greedy greedy = new Greedy(tournament);
        Advance memory a = advanceArguments(matchId);
        vm.prank(address(greedy));
        send(a);
        uint256 amount = tournament.credits(address(greedy));
        uint256 before = address(tournament).balance;
        greedy.pull();
        vm.assertEq(address(greedy).balance, amount);
        vm.assertEq(before - address(tournament).balance, amount);
        vm.assertTrue(greedy.refused());
    }

    function testConstructorRefusesParametersThatOverflow() external {
        Parameters memory parameters = tournament.parameters();
        vm.assertEq(uint256(parameters.traceSeconds), TRACE);
        // The longest clock is the window and the grant of an inner tournament.
        parameters.censorshipSeconds = type(uint32).max - (A0 - CENSORSHIP) - GRANT;
        new Tournament(address(1), 0, parameters, address(1), address(1), address(0), 0);
        parameters.censorshipSeconds++;
        vm.expectRevert(Tournament.ParametersOutOfRange.selector);
        new Tournament(address(1), 0, parameters, address(1), address(1), address(0), 0);
        parameters = tournament.parameters();
        (parameters.priceCeiling, parameters.stake0) = (type(uint96).max, type(uint128).max);
        parameters.stake1 = type(uint128).max;
        vm.expectRevert(Tournament.ParametersOutOfRange.selector);
        new Tournament(address(1), 0, parameters, address(1), address(1), address(0), 0);
    }
}

/// Withdraws again while it is being paid.
contract Greedy {
    Tournament private immutable TOURNAMENT;
    bool public refused;

    constructor(Tournament tournament) {
        TOURNAMENT = tournament;
    }

    function pull() external {
        TOURNAMENT.withdraw(payable(address(this)));
    }

    receive() external payable {
        try TOURNAMENT.withdraw(payable(address(this))) {}
        catch (bytes memory reason) {
            refused = bytes4(reason) == Tournament.NothingToWithdraw.selector;
        }
    }
}
