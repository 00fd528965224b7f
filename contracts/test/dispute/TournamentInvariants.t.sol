// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Phase} from "../../src/dispute/Progress.sol";
import {ITournament, Leaf, MatchId, Outcome, Result} from "../../src/interfaces/ITournament.sol";
import {Base, IPurse, Vm} from "../Base.sol";
import {DisputeHarness} from "./DisputeHarness.sol";
import {TallTrace, TallTraces} from "./TallTrace.sol";
import {Toy} from "./ToyVerifier.sol";

/// Random play against one honest party that uses its budgets up (spec 4.7): it joins as late as it may, moves within the
/// grace, and is kept from the chain for as long as the censorship budget says, at any time.
contract Players is DisputeHarness {
    using TallTraces for TallTrace;

    address internal constant LIAR = address(0x3003);
    uint256 internal constant MAX_RIVALS = 6;
    uint256 internal constant MAX_INNER = 10;

    uint256 public censored;
    /// ETH that the honest party paid in.
    uint256 public honestPaid;
    bytes32 public honestRoot;
    /// The machine in a contested sigma.
    mapping(bytes32 sigma => bytes32) internal machines;
    mapping(bytes32 inner => bytes32) public honestInside;
    bytes32[] public tournaments;
    mapping(bytes32 tournament => bytes32[]) internal roots;
    mapping(bytes32 tournament => mapping(bytes32 root => bool)) internal hasJoined;
    bool public settled;

    constructor() {
        deployTournament(address(this));
        setUpDispute();
        vm.txGasPrice(7 gwei);
        honestRoot = know(trueTrace());
        TallTrace memory first = lie(4096, 1);
        know(first);
        TallTrace memory truth = trueTrace();
        tournaments.push(tournamentId());
        uint40 start = uint40(vm.getBlockTimestamp());
        pass(REPLAY + GRACE);
        uint256 value = 2 * tournament.bond(0);
        vm.deal(address(this), value);
        (claimerOf[claimId(first.root())], claimerOf[claimId(honestRoot)]) = (LIAR, HONEST);
        tournament.join{value: value}(
            tournamentId(), initialState(), first.root(), LIAR, start, truth.rootChildren(), HONEST
        );
        joined0 = 2;
        honestPaid = tournament.bond(0);
        sync();
        act();
    }

    function lie(uint64 position, uint256 salt) internal returns (TallTrace memory trace) {
        trace = lieFrom(position, salt);
        machines[trace.leaf(position)] = lieMachine(salt);
    }

    // What may happen

    function joinRival(uint256 where, uint8 salt) external {
        uint64[8] memory positions = [uint64(0), 1, 2, 4095, 4096, 4097, 9000, LAST_0];
        (, uint40 start,,,,,) = tournament.arena(tournamentId());
        if (joined0 == MAX_RIVALS || vm.getBlockTimestamp() - start >= A0) return;
        TallTrace memory trace = lie(positions[where % 8], uint256(salt) % 3 + 2);
        if (hasJoined[tournamentId()][trace.root()]) return;
        joinWith(trace, LIAR);
        act();
    }

    function joinInside(uint256 which, uint8 class, uint8 position, uint8 salt) external {
        if (joined1 >= MAX_INNER) return;
        for (uint256 i = 0; i < matches.length; i++) {
            bytes32 outer = idOf(matches[(which % matches.length + i) % matches.length]);
            if (phases[outer] != Phase.Inner) continue;
            _joinInside(outer, class % 2 + 1, position, salt);
            return;
        }
    }

    function _joinInside(bytes32 outer, uint8 class, uint64 position, uint256 salt) private {
        (, uint40 start, uint32 one, uint32 two,,,) = tournament.arena(outer);
        if (vm.getBlockTimestamp() - start >= (class == 1 ? one : two)) return;
        (uint256 n, uint256 stop) = machineBefore(outer, 0);
        bytes32 sigma = class == 1 ? leaves[outer].leafOne : leaves[outer].leafTwo;
        bytes32 last = machines[sigma] != 0 ? machines[sigma] : trueChunk(n, stop).last();
        // Lies inside, and then what the class has to end with.
        TallTrace memory trace =
            falseChunk(n, stop, position % 12, lieMachine(1000 + salt % 4)).from(LAST_1 - uint64(salt % 2), last);
        if (hasJoined[outer][trace.root()]) return;
        joinInner(outer, class, trace, LIAR);
        act();
    }

    /// Liars move, up to 16 times, in one match; the honest side takes up to a grace for each answer.
    function move(uint256 which, uint8 count, uint8 delay) external {
        for (uint256 i = 0; i <= count % 16 && matches.length != 0; i++) {
            bytes32 matchId = idOf(matches[which % matches.length]);
            if (phases[matchId] != Phase.Bisect || isHonest(matchId, moverRoot(matchId)) || overdue(matchId)) return;
            if (bisections[matchId].progress.height() > 1) advance(matchId);
            else seal(matchId);
            pass(delay < GRACE ? delay : GRACE);
            act();
        }
    }

    /// A liar proves the truth against another, if it is one of the two leaves.
    function proveForALiar(uint256 which) external {
        if (matches.length == 0) return;
        bytes32 matchId = idOf(matches[which % matches.length]);
        if (canProve(matchId)) {
            prove(matchId);
            act();
        }
    }

    /// Time passes; the honest party acts at the end of each grace, or before.
    function wait(uint16 seconds_) external {
        uint256 left = uint256(seconds_) % 120;
        while (left > 0) {
            uint256 turn = left < GRACE ? left : GRACE;
            pass(turn);
            left -= turn;
            act();
        }
    }

    /// Time passes and the honest party is kept out: at most the censorship budget in all.
    function censor(uint8 seconds_) external {
        uint256 left = CENSORSHIP - censored;
        uint256 turn = uint256(seconds_) % 40;
        if (turn > left) turn = left;
        censored += turn;
        pass(turn);
    }

    /// Ends what the clocks have decided.
    function clean() public {
        bool again = true;
        while (again) {
            again = false;
            for (uint256 i = 0; i < matches.length && !again; i++) {
                bytes32 matchId = idOf(matches[i]);
                again = true;
                if (phases[matchId] == Phase.Bisect && overdue(matchId)) timeout(matchId);
                else if (canEliminate(matchId)) eliminate(matchId);
                else if (canResolve(matchId)) resolve(matchId);
                else again = false;
            }
        }
        act();
    }

    // The honest party

    function isHonest(bytes32 matchId, bytes32 root) internal view returns (bool) {
        bytes32 id = matchOf(matchId).tournament;
        return root == (id == tournamentId() ? honestRoot : honestInside[id]);
    }

    /// All that the honest party has to do now (spec 4.7.1).
    function act() internal {
        bool again = true;
        while (again) {
            again = false;
            for (uint256 i = 0; i < matches.length && !again; i++) {
                again = _duty(idOf(matches[i]));
            }
        }
    }

    function _duty(bytes32 matchId) private returns (bool done) {
        MatchId memory id = matchOf(matchId);
        if (!isHonest(matchId, id.one) && !isHonest(matchId, id.two)) return false;
        if (phases[matchId] == Phase.Bisect) {
            if (!isHonest(matchId, moverRoot(matchId))) return false;
            if (bisections[matchId].progress.height() > 1) advance(matchId);
            else seal(matchId);
            return true;
        }
        if (phases[matchId] == Phase.AtLeaf) {
            prove(matchId);
            return true;
        }
        // It takes its time to build the trace, and joins within a grace of that.
        if (honestInside[matchId] != 0 || vm.getBlockTimestamp() - leaves[matchId].progress.since() < TRACE) {
            return false;
        }
        (uint256 n, uint256 stop) = machineBefore(matchId, 0);
        TallTrace memory trace = trueChunk(n, stop);
        honestInside[matchId] = trace.root();
        honestPaid += tournament.bond(1);
        joinInner(matchId, id.one == honestRoot ? 1 : 2, trace, HONEST);
        return true;
    }

    // What the clocks say, by the spec

    function overdue(bytes32 matchId) internal view returns (bool) {
        bool oneMoves = bisections[matchId].progress.height() % 2 == 0;
        uint32 balance =
            oneMoves ? bisections[matchId].progress.balanceOne() : bisections[matchId].progress.balanceTwo();
        return vm.getBlockTimestamp() - bisections[matchId].progress.since() >= balance;
    }

    function canEliminate(bytes32 matchId) internal view returns (bool) {
        Leaf memory leaf = leaves[matchId];
        uint32 later = leaf.progress.balanceOne() > leaf.progress.balanceTwo()
            ? leaf.progress.balanceOne()
            : leaf.progress.balanceTwo();
        return phases[matchId] == Phase.AtLeaf && vm.getBlockTimestamp() - leaf.progress.since() >= later;
    }

    function canProve(bytes32 matchId) internal view returns (bool) {
        if (phases[matchId] != Phase.AtLeaf) return false;
        Leaf memory leaf = leaves[matchId];
        MatchId memory id = matchOf(matchId);
        bytes32 truth;
        if (levels[id.tournament] == 1) {
            (uint256 n, uint256 stop) = machineBefore(id.tournament, leaf.progress.position());
            if (leaf.agreed != Toy.machine(n, stop)) return false;
            (n, stop) = machineBefore(id.tournament, leaf.progress.position() + 1);
            truth = Toy.machine(n, stop);
        } else {
            truth = hashOf(trueSigma(leaf.progress.position()));
            if (
                leaf.agreed
                    != hashOf(trueSigma(leaf.progress.position() == 0 ? LAST_0 + 1 : leaf.progress.position() - 1))
            ) return false;
        }
        if (truth != leaf.leafOne && truth != leaf.leafTwo) return false;
        return vm.getBlockTimestamp() - leaf.progress.since()
            < (truth == leaf.leafOne ? leaf.progress.balanceOne() : leaf.progress.balanceTwo());
    }

    function canResolve(bytes32 matchId) internal view returns (bool) {
        if (phases[matchId] != Phase.Inner) return false;
        (, uint40 start, uint32 one, uint32 two, uint32 live, bytes32 dangling,) = tournament.arena(matchId);
        if (live != 0) return false;
        uint256 elapsed = vm.getBlockTimestamp() - start;
        if (dangling == 0) return elapsed >= (one > two ? one : two);
        (, uint8 class) = tournament.commitment(matchId, dangling);
        return elapsed >= (class == 1 ? two : one);
    }

    // What must hold

    function _onEvent(bytes32 topic, Vm.Log memory log) internal override {
        if (topic == ITournament.InnerOpened.selector) tournaments.push(log.topics[1]);
        if (topic == ITournament.Joined.selector) _joined(log.topics[1], log.topics[2]);
        if (topic == ITournament.Opened.selector) {
            (, bytes32 first) = abi.decode(log.data, (bytes32, bytes32));
            _joined(log.topics[1], first);
        }
    }

    function _joined(bytes32 id, bytes32 root) private {
        roots[id].push(root);
        hasJoined[id][root] = true;
    }

    /// Spec 4.4.2, in every tournament.
    function checkCounts() external view {
        for (uint256 i = 0; i < tournaments.length; i++) {
            bytes32 id = tournaments[i];
            uint256 live = 0;
            for (uint256 k = 0; k < roots[id].length; k++) {
                if (!isOut[id][roots[id][k]]) live++;
            }
            uint256 playing = 0;
            for (uint256 k = 0; k < matches.length; k++) {
                if (matches[k].tournament == id) playing++;
            }
            (,,,, uint32 liveMatches, bytes32 dangling,) = tournament.arena(id);
            vm.assertEq(uint256(liveMatches), playing, "live matches");
            vm.assertEq(live, 2 * playing + (dangling == 0 ? 0 : 1), "live commitments");
        }
    }

    /// Spec 4.6.6.
    function checkMoney() external view {
        uint256 held = tournament.credits(HONEST) + tournament.credits(LIAR) + tournament.credits(MOVER)
            + tournament.credits(TREASURY) + tournament.credits(address(this));
        for (uint256 i = 0; i < tournaments.length; i++) {
            (uint8 level,,,, uint32 live, bytes32 dangling, Result result) = tournament.arena(tournaments[i]);
            uint256 bonds = 2 * live + (dangling != 0 && result == Result.Undecided ? 1 : 0);
            held += bonds * tournament.bond(level) + tournament.pot(tournaments[i]);
        }
        for (uint256 i = 0; i < matches.length; i++) {
            bytes32 matchId = idOf(matches[i]);
            held -= phases[matchId] == Phase.Bisect
                ? bisections[matchId].progress.spent()
                : leaves[matchId].progress.spent();
        }
        vm.assertEq(address(tournament).balance, held, "money");
    }

    function checkHonest() external view {
        vm.assertTrue(!eliminated(honestRoot), "the true root is out");
        for (uint256 i = 1; i < tournaments.length; i++) {
            bytes32 inside = honestInside[tournaments[i]];
            if (inside == 0) continue;
            vm.assertTrue(!isOut[tournaments[i]][inside], "the true inner root is out");
        }
    }

    /// Spec 4.3.8: every end of a match is tried on the contract; the one that the spec allows now goes through, and no
    /// other.
    function checkOutcomes() external {
        uint256 before = vm.snapshotState();
        for (uint256 i = 0; i < matches.length; i++) {
            bytes32 matchId = idOf(matches[i]);
            bool bisecting = phases[matchId] == Phase.Bisect;
            bool late = bisecting && overdue(matchId);
            _expect(this.tryMove, matchId, bisecting && !late);
            vm.revertToState(before);
            _expect(this.tryTimeout, matchId, late);
            vm.revertToState(before);
            _expect(this.tryEliminate, matchId, canEliminate(matchId));
            vm.revertToState(before);
            _expect(this.tryResolve, matchId, canResolve(matchId));
            vm.revertToState(before);
            if (phases[matchId] == Phase.AtLeaf) {
                vm.assertTrue(!canProve(matchId) || !canEliminate(matchId), "two outcomes");
                _expect(this.tryProve, matchId, canProve(matchId));
                vm.revertToState(before);
            }
        }
    }

    function _expect(function(bytes32) external call, bytes32 matchId, bool goes) private {
        (bool went,) = call.address.call(abi.encodeWithSelector(call.selector, matchId));
        vm.assertTrue(went == goes, "what is possible is what the spec says");
    }

    function tryMove(bytes32 matchId) external {
        if (bisections[matchId].progress.height() > 1) advance(matchId);
        else seal(matchId);
    }

    function tryTimeout(bytes32 matchId) external {
        timeout(matchId);
    }

    function tryEliminate(bytes32 matchId) external {
        eliminate(matchId);
    }

    function tryResolve(bytes32 matchId) external {
        resolve(matchId);
    }

    function tryProve(bytes32 matchId) external {
        prove(matchId);
    }

    /// Liars stop; the honest party ends it.
    function finish() external {
        for (uint256 i = 0; i < 100 && !settled; i++) {
            clean();
            (, uint40 start,,, uint32 live,,) = tournament.arena(tournamentId());
            if (live == 0 && vm.getBlockTimestamp() - start >= A0) {
                settle();
                settled = true;
            } else {
                this.wait(100);
            }
        }
        vm.assertTrue(settled, "it ends");
        (, bytes32 winner) = tournament.result(tournamentId());
        vm.assertEq(winner, honestRoot, "the true root wins");
        // Spec 4.6.7: a prize for each tournament that it joined.
        uint256 prizes = STAKE_0 / 10 - tournament.SETTLE_GAS() * tx.gasprice;
        for (uint256 i = 1; i < tournaments.length; i++) {
            if (honestInside[tournaments[i]] != 0) prizes += STAKE_1 / 10;
        }
        vm.assertTrue(tournament.credits(HONEST) >= honestPaid + prizes, "the honest party gets its bonds and prizes");
    }

    function emptyAll() external {
        address[] memory accounts = new address[](5);
        (accounts[0], accounts[1], accounts[2], accounts[3]) = (HONEST, LIAR, MOVER, TREASURY);
        // It settles, and is paid for it.
        accounts[4] = address(this);
        empty(IPurse(address(tournament)), accounts);
    }
}

contract TournamentInvariants is Base {
    Players internal players;

    function setUp() external {
        players = new Players();
        targetContract(address(players));
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = Players.joinRival.selector;
        selectors[1] = Players.joinInside.selector;
        selectors[2] = Players.move.selector;
        selectors[3] = Players.proveForALiar.selector;
        selectors[4] = Players.wait.selector;
        selectors[5] = Players.censor.selector;
        selectors[6] = Players.clean.selector;
        targetSelectors(address(players), selectors);
    }

    /// forge-config: default.invariant.runs = 12
    /// forge-config: default.invariant.depth = 40
    /// forge-config: default.invariant.shrink-run-limit = 100
    function invariantOneHonestPartyPrevails() external {
        players.checkCounts();
        players.checkMoney();
        players.checkHonest();
        players.checkOutcomes();
    }

    function afterInvariant() external {
        players.finish();
        players.checkCounts();
        players.checkMoney();
        players.checkHonest();
        players.emptyAll();
    }
}
