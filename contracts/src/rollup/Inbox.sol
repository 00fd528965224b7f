// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Chunk, IInbox} from "../interfaces/IInbox.sol";
import {ZeroRoots, quad, zeroRoots} from "../machine/QuadProof.sol";
import {CHUNK_BYTES, CHUNK_HEIGHT, ChunkList, newChunkList, rootOfBytes, rootOfWords} from "./DataTree.sol";

/// Ordering and data availability (spec 5.1 to 5.3): every root that a batch refers to was hashed here from calldata or
/// from an event's data.
contract Inbox is IInbox {
    /// Spec 5.1.2, 5.1.4, 5.1.6, 5.1.7. feePerUnit: wei for each 2^20 steps, rounded up.
    struct Limits {
        uint64 forceDelaySeconds;
        uint64 maxDriftSeconds;
        uint64 maxTaskSteps;
        uint64 maxBatchSteps;
        uint32 replaySeconds;
        uint128 feePerUnit;
    }

    /// A task of the direct queue.
    struct Direct {
        bytes32 taskHash;
        uint40 submittedAt;
        uint40 stepLimit;
    }

    /// The last batch, the direct queue, and the time in milliseconds until which all batches keep an executor busy (spec
    /// 5.1.7), in one slot.
    struct Cursor {
        uint48 batchCount;
        uint40 queueHead;
        uint40 queueTail;
        uint40 lastTime;
        uint40 lastBlock;
        uint48 busyUntil;
    }

    error LimitsOutOfRange();
    error OnlySequencer();
    error OnlyTopLevelCall();
    error TimeOutOfRange();
    error BlockOutOfRange();
    error TaskTooShort();
    error UnknownTag(uint8 tag);
    error WrongRecoveryId(uint8 v);
    error StepLimitOutOfRange();
    error TooManySteps();
    error TooMuchWork(uint256 availableAt);
    error InputTooLong();
    error PolicyOutOfRange();
    error EntryOutOfRange();
    error ChunkIndexOutOfRange(uint256 index);
    error ChunkNotPublished(bytes32 root);
    error EmptyBatch();
    error TooManyTasks();
    error NotInQueue();
    error OverdueTaskLeft();
    error NothingOverdue();
    error WrongFee(uint256 expected);
    error WrongDataLength();
    error NothingToWithdraw();
    error TransferFailed();

    uint256 private constant TASKS_HEIGHT = 6;
    uint256 private constant INPUT_HEIGHT = 12;
    uint256 private constant MEMORY_HEIGHT = 14;
    uint256 private constant MAX_BATCH_TASKS = 4 ** TASKS_HEIGHT;
    uint256 private constant MAX_INLINE_INPUT = 98_304;
    uint256 private constant MAX_INPUT = 32 * 4 ** INPUT_HEIGHT;
    uint256 private constant CHUNKS_PER_SLOT = 4 ** (INPUT_HEIGHT - CHUNK_HEIGHT);
    uint256 private constant STEPS_PER_UNIT = 1 << 20;
    uint256 private constant MILLISECONDS = 1000;
    /// Spec 5.1.3: tag, v, target, nonce, limit, r, s.
    uint256 private constant HEADER_BYTES = 86;
    uint256 private constant SHORTEST_TASK_BYTES = HEADER_BYTES + 2;
    uint256 private constant PAIR_BYTES = 36;
    uint8 private constant TAG_RUN = 0;
    uint8 private constant TAG_DEPLOY = 1;
    uint8 private constant TAG_RUN_PUBLISHED = 2;

    bytes32 public immutable domainSeparator;
    uint256 private immutable FORCE_DELAY;
    uint256 private immutable MAX_DRIFT;
    uint256 private immutable MAX_TASK_STEPS;
    uint256 private immutable MAX_BATCH_STEPS;
    uint32 public immutable replaySeconds;
    uint256 private immutable FEE_PER_UNIT;
    address private immutable FIRST_SEQUENCER;

    Cursor private _cursor;
    mapping(address account => bool) public isSequencer;
    mapping(uint64 index => bytes32) public batchHash;
    mapping(uint256 queueIndex => Direct) private _queue;
    mapping(bytes32 root => bool) public isPublished;
    mapping(address account => uint256 wei_) public credits;

    /// sequencers: at least one; the first gets the fees of forced batches.
    constructor(address[] memory sequencers, Limits memory limits_) {
        bool good = sequencers.length != 0 && limits_.maxTaskSteps != 0 && limits_.maxTaskSteps <= 1 << 39
            && limits_.maxTaskSteps <= limits_.maxBatchSteps && limits_.replaySeconds != 0;
        if (!good) revert LimitsOutOfRange();
        for (uint256 i = 0; i < sequencers.length; i++) {
            isSequencer[sequencers[i]] = true;
        }
        FIRST_SEQUENCER = sequencers[0];
        FORCE_DELAY = limits_.forceDelaySeconds;
        MAX_DRIFT = limits_.maxDriftSeconds;
        MAX_TASK_STEPS = limits_.maxTaskSteps;
        MAX_BATCH_STEPS = limits_.maxBatchSteps;
        replaySeconds = limits_.replaySeconds;
        FEE_PER_UNIT = limits_.feePerUnit;
        domainSeparator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Optimistic"),
                keccak256("1"),
                block.chainid,
                address(this)
            )
        );
    }

    /// Spec 5.1.5: what this call hashes is then the calldata of the transaction. A delegated account (EIP-7702) has code.
    modifier onlyTopLevel() {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert OnlyTopLevelCall();
        _;
    }

    // Batches (spec 5.1)

    function append(uint64 time, uint64 blockNumber, uint64 directCount, bytes calldata tasks) external onlyTopLevel {
        if (!isSequencer[msg.sender]) revert OnlySequencer();
        Cursor memory cursor = _cursor;
        if (time < cursor.lastTime || time > block.timestamp || time + MAX_DRIFT < block.timestamp) {
            revert TimeOutOfRange();
        }
        if (blockNumber < cursor.lastBlock || blockNumber > block.number) revert BlockOutOfRange();
        if (directCount > cursor.queueTail - cursor.queueHead) revert NotInQueue();

        ZeroRoots zeros = zeroRoots();
        uint256 capacity = tasks.length / SHORTEST_TASK_BYTES + directCount;
        uint256 leaves = _allocateLeaves(capacity < MAX_BATCH_TASKS ? capacity : MAX_BATCH_TASKS);
        (uint256 count, uint256 steps) = _hashSigned(tasks, leaves, zeros);
        steps += _hashDirect(cursor.queueHead, directCount, leaves, count, msg.sender);
        if (steps > MAX_BATCH_STEPS) revert TooManySteps();
        uint256 head = cursor.queueHead + directCount;
        if (head < cursor.queueTail && _isOverdue(_queue[head])) revert OverdueTaskLeft();
        _occupy(cursor, steps);
        _store(cursor, leaves, count + directCount, time, blockNumber, directCount, zeros);
    }

    function force(uint64 maxCount) external {
        Cursor memory cursor = _cursor;
        uint256 waiting = cursor.queueTail - cursor.queueHead;
        uint256 limit = maxCount < waiting ? maxCount : waiting;
        if (limit > MAX_BATCH_TASKS) limit = MAX_BATCH_TASKS;
        uint256 free = _freeSteps(cursor);
        uint256 count = 0;
        uint256 steps = 0;
        while (count < limit) {
            Direct storage task = _queue[cursor.queueHead + count];
            // The first one is tried in any case: when there is no room for it yet, _occupy says when there will be.
            if (!_isOverdue(task) || (count != 0 && steps + task.stepLimit > free)) break;
            steps += task.stepLimit;
            count++;
        }
        if (count == 0) revert NothingOverdue();
        _occupy(cursor, steps);
        uint256 leaves = _allocateLeaves(count);
        _hashDirect(cursor.queueHead, count, leaves, 0, FIRST_SEQUENCER);
        _store(cursor, leaves, count, block.timestamp, block.number, count, zeroRoots());
    }

    // Work per time (spec 5.1.7)

    /// Adds the work of a batch of at most MAX_BATCH_STEPS.
    function _occupy(Cursor memory cursor, uint256 steps) private view {
        uint256 until = _busyFrom(cursor) + (steps * _window() + MAX_BATCH_STEPS - 1) / MAX_BATCH_STEPS;
        uint256 last = block.timestamp * MILLISECONDS + _window();
        if (until > last) revert TooMuchWork((until - _window() + MILLISECONDS - 1) / MILLISECONDS);
        // 2^48 ms are 8,900 years, a window at most 136.
        cursor.busyUntil = uint48(until);
    }

    /// The most steps for which _occupy does not revert: at most MAX_BATCH_STEPS.
    function _freeSteps(Cursor memory cursor) private view returns (uint256) {
        uint256 last = block.timestamp * MILLISECONDS + _window();
        // What was taken was within the window then, and time has only passed.
        return (last - _busyFrom(cursor)) * MAX_BATCH_STEPS / _window();
    }

    function _busyFrom(Cursor memory cursor) private view returns (uint256) {
        uint256 now_ = block.timestamp * MILLISECONDS;
        return cursor.busyUntil > now_ ? cursor.busyUntil : now_;
    }

    function _window() private view returns (uint256) {
        return uint256(replaySeconds) * MILLISECONDS;
    }

    /// Hashes and checks all tasks of an encoding (spec 5.1.3), their hashes to the words at `leaves`.
    function _hashSigned(bytes calldata tasks, uint256 leaves, ZeroRoots zeros)
        private
        view
        returns (uint256 count, uint256 steps)
    {
        uint256 place = 0;
        while (place < tasks.length) {
            if (count == MAX_BATCH_TASKS) revert TooManyTasks();
            if (tasks.length - place < SHORTEST_TASK_BYTES) revert TaskTooShort();
            uint256 header;
            bytes32 r;
            bytes32 s;
            // Assembly to read calldata without a bounds check for each word: the shortest task is there.
            assembly ("memory-safe") {
                let offset := add(tasks.offset, place)
                header := calldataload(offset)
                r := calldataload(add(offset, 22))
                s := calldataload(add(offset, 54))
            }
            uint8 tag = uint8(header >> 248);
            uint8 v = uint8(header >> 240);
            if (v != 27 && v != 28) revert WrongRecoveryId(v);
            // The head's fields in place: nonce, target and v (spec 2.6.1).
            uint256 head =
                uint256(uint64(header >> 144)) << 128 | uint256(uint32(header >> 208)) << 192 | uint256(v) << 224;
            uint64 limit = uint64(header >> 80);
            bytes32 dataRoot;
            place += HEADER_BYTES;
            if (tag == TAG_RUN) {
                bytes calldata input;
                (input, place) = _takeInput(tasks, place);
                dataRoot = rootOfBytes(input, INPUT_HEIGHT, zeros);
                head = _runHead(head, limit, input.length);
                steps += limit;
            } else if (tag == TAG_DEPLOY) {
                head = _deployHead(head, limit, uint32(header >> 208));
                (dataRoot, place) = _takeDeployChunks(tasks, place, zeros);
            } else if (tag == TAG_RUN_PUBLISHED) {
                uint256 length;
                (dataRoot, length, place) = _takeInputChunks(tasks, place, zeros);
                head = _runHead(head, limit, length);
                steps += limit;
            } else {
                revert UnknownTag(tag);
            }
            bytes32 taskHash = quad(bytes32(head), dataRoot, r, s);
            _setLeaf(leaves, count, taskHash);
            count++;
        }
    }

    /// Puts the hashes of `count` tasks from queue index `first` to the words at `leaves` from `place` on, and credits
    /// their fees.
    function _hashDirect(uint256 first, uint256 count, uint256 leaves, uint256 place, address feeTo)
        private
        returns (uint256 steps)
    {
        if (place + count > MAX_BATCH_TASKS) revert TooManyTasks();
        uint256 fees = 0;
        for (uint256 i = 0; i < count; i++) {
            Direct storage task = _queue[first + i];
            _setLeaf(leaves, place + i, task.taskHash);
            uint64 stepLimit = task.stepLimit;
            steps += stepLimit;
            fees += directFee(stepLimit);
        }
        if (fees != 0) {
            credits[feeTo] += fees;
            emit Credited(feeTo, fees);
        }
    }

    function _store(
        Cursor memory cursor,
        uint256 leaves,
        uint256 count,
        uint256 time,
        uint256 blockNumber,
        uint256 directCount,
        ZeroRoots zeros
    ) private {
        if (count == 0) revert EmptyBatch();
        bytes32 tasksRoot = rootOfWords(leaves, count, TASKS_HEIGHT, zeros);
        uint64 index = cursor.batchCount;
        bytes32 previous = index == 0 ? bytes32(0) : batchHash[index - 1];
        bytes32 hash = quad(previous, tasksRoot, bytes32(count | time << 64 | blockNumber << 128), 0);
        batchHash[index] = hash;
        uint40 directFirst = cursor.queueHead;
        // The casts lose nothing: directCount is at most the queue's length, time and number are at most the block's.
        _cursor = Cursor({
            batchCount: cursor.batchCount + 1,
            queueHead: directFirst + uint40(directCount),
            queueTail: cursor.queueTail,
            lastTime: uint40(time),
            lastBlock: uint40(blockNumber),
            busyUntil: cursor.busyUntil
        });
        emit BatchAppended(
            index, hash, tasksRoot, uint64(count), uint64(time), uint64(blockNumber), directFirst, uint64(directCount)
        );
    }

    // Direct tasks (spec 5.1.5, 5.1.6)

    function submitRun(uint32 app, uint64 nonce, uint64 stepLimit, bytes calldata input) external payable {
        if (input.length > MAX_INLINE_INPUT) revert InputTooLong();
        uint256 head = _runHead(_directHead(nonce, app), stepLimit, input.length);
        bytes32 dataRoot = rootOfBytes(input, INPUT_HEIGHT, zeroRoots());
        bytes memory header = _directHeader(TAG_RUN, app, nonce, stepLimit);
        _enqueue(head, dataRoot, stepLimit, abi.encodePacked(header, uint32(input.length), input));
    }

    function submitRunPublished(uint32 app, uint64 nonce, uint64 stepLimit, uint32 inputLength, Chunk[] calldata chunks)
        external
        payable
    {
        uint256 head = _runHead(_directHead(nonce, app), stepLimit, inputLength);
        (ChunkList list, bytes memory encoded) = _copyChunks(chunks);
        bytes32 dataRoot = _inputRoot(list, inputLength, zeroRoots());
        bytes memory header = _directHeader(TAG_RUN_PUBLISHED, app, nonce, stepLimit);
        _enqueue(head, dataRoot, stepLimit, abi.encodePacked(header, inputLength, encoded));
    }

    function submitDeploy(uint8 policy, uint64 nonce, uint64 entry, Chunk[] calldata chunks) external payable {
        uint256 head = _deployHead(_directHead(nonce, policy), entry, policy);
        (ChunkList list, bytes memory encoded) = _copyChunks(chunks);
        bytes32 dataRoot = _memoryRoot(list, zeroRoots());
        bytes memory header = _directHeader(TAG_DEPLOY, policy, nonce, entry);
        _enqueue(head, dataRoot, 0, abi.encodePacked(header, encoded));
    }

    function _enqueue(uint256 head, bytes32 dataRoot, uint64 stepLimit, bytes memory encoded) private {
        uint256 fee = directFee(stepLimit);
        if (msg.value != fee) revert WrongFee(fee);
        bytes32 taskHash = quad(bytes32(head), dataRoot, bytes32(uint256(uint160(msg.sender))), 0);
        uint40 index = _cursor.queueTail;
        // A step limit is at most 2^39.
        _queue[index] = Direct({taskHash: taskHash, submittedAt: uint40(block.timestamp), stepLimit: uint40(stepLimit)});
        _cursor.queueTail = index + 1;
        emit TaskSubmitted(index, taskHash, encoded);
    }

    // Published data (spec 5.3)

    function publish(bytes calldata data) external onlyTopLevel returns (bytes32 root) {
        if (data.length == 0 || data.length > CHUNK_BYTES) revert WrongDataLength();
        root = rootOfBytes(data, CHUNK_HEIGHT, zeroRoots());
        if (!isPublished[root]) {
            isPublished[root] = true;
            emit ChunkPublished(root);
        }
    }

    function withdraw(address payable to) external {
        uint256 amount = credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw();
        delete credits[msg.sender];
        emit Withdrawn(msg.sender, to, amount);
        (bool sent,) = to.call{value: amount}("");
        if (!sent) revert TransferFailed();
    }

    // Fields of a task (spec 2.6.1, 5.1.4)

    function _runHead(uint256 head, uint64 stepLimit, uint256 length) private view returns (uint256) {
        if (stepLimit == 0 || stepLimit > MAX_TASK_STEPS) revert StepLimitOutOfRange();
        return head | length | uint256(stepLimit) << 64;
    }

    function _deployHead(uint256 head, uint64 entry, uint256 policy) private pure returns (uint256) {
        if (policy > 1) revert PolicyOutOfRange();
        if (entry >= 1 << 29 || entry % 2 != 0) revert EntryOutOfRange();
        return head | uint256(entry) << 64 | 1 << 232;
    }

    /// Nonce and target in place; v is 0.
    function _directHead(uint64 nonce, uint32 target) private pure returns (uint256) {
        return uint256(nonce) << 128 | uint256(target) << 192;
    }

    function _directHeader(uint8 tag, uint32 target, uint64 nonce, uint64 limit) private view returns (bytes memory) {
        return abi.encodePacked(tag, uint8(0), target, nonce, limit, uint256(uint160(msg.sender)), uint256(0));
    }

    function _takeInput(bytes calldata tasks, uint256 place) private pure returns (bytes calldata input, uint256 next) {
        uint256 length = _number(tasks, place, 4);
        if (length > MAX_INLINE_INPUT) revert InputTooLong();
        next = place + 4 + length;
        if (next > tasks.length) revert TaskTooShort();
        input = tasks[place + 4:next];
    }

    function _takeDeployChunks(bytes calldata tasks, uint256 place, ZeroRoots zeros)
        private
        view
        returns (bytes32 root, uint256 next)
    {
        ChunkList list;
        (list, next) = _takeChunks(tasks, place);
        root = _memoryRoot(list, zeros);
    }

    function _takeInputChunks(bytes calldata tasks, uint256 place, ZeroRoots zeros)
        private
        view
        returns (bytes32 root, uint256 length, uint256 next)
    {
        length = _number(tasks, place, 4);
        ChunkList list;
        (list, next) = _takeChunks(tasks, place + 4);
        root = _inputRoot(list, length, zeros);
    }

    function _takeChunks(bytes calldata tasks, uint256 place) private view returns (ChunkList list, uint256 next) {
        uint256 count = _number(tasks, place, 2);
        place += 2;
        next = place + PAIR_BYTES * count;
        if (next > tasks.length) revert TaskTooShort();
        list = newChunkList(count);
        for (; place < next; place += PAIR_BYTES) {
            bytes32 root;
            // Assembly to read calldata without a bounds check for each word: all pairs are there.
            assembly ("memory-safe") {
                root := calldataload(add(add(tasks.offset, place), 4))
            }
            _appendChunk(list, _number(tasks, place, 4), root);
        }
    }

    /// The chunks of a direct task, and their encoding (spec 5.1.3).
    function _copyChunks(Chunk[] calldata chunks) private view returns (ChunkList list, bytes memory encoded) {
        if (chunks.length > type(uint16).max) revert TooManyTasks();
        list = newChunkList(chunks.length);
        encoded = new bytes(2 + PAIR_BYTES * chunks.length);
        uint256 target;
        // Assembly to write fields of 2, 4 and 32 bytes one after another, all within `encoded`.
        assembly ("memory-safe") {
            target := add(encoded, 0x20)
            mstore8(target, shr(8, chunks.length))
            mstore8(add(target, 1), chunks.length)
            target := add(target, 2)
        }
        for (uint256 i = 0; i < chunks.length; i++) {
            uint256 index = chunks[i].index;
            bytes32 root = chunks[i].root;
            _appendChunk(list, index, root);
            assembly ("memory-safe") {
                mstore(target, shl(224, index))
                mstore(add(target, 4), root)
                target := add(target, PAIR_BYTES)
            }
        }
    }

    /// Checks order and publication; the caller checks what indices its tree has.
    function _appendChunk(ChunkList list, uint256 index, bytes32 root) private view {
        if (!list.endsBelow(index)) revert ChunkIndexOutOfRange(index);
        if (!isPublished[root]) revert ChunkNotPublished(root);
        list.append(index, root);
    }

    function _inputRoot(ChunkList list, uint256 length, ZeroRoots zeros) private pure returns (bytes32) {
        if (length > MAX_INPUT) revert InputTooLong();
        uint256 chunks = (length + CHUNK_BYTES - 1) / CHUNK_BYTES;
        if (!list.endsBelow(chunks)) revert ChunkIndexOutOfRange(list.lastIndex());
        return list.compose(INPUT_HEIGHT, zeros);
    }

    /// Chunks are in slots 0 to 5 and 12 (spec 5.1.4).
    function _memoryRoot(ChunkList list, ZeroRoots zeros) private pure returns (bytes32) {
        for (uint256 i = 0; i < list.length(); i++) {
            uint256 index = list.indexAt(i);
            uint256 slot = index / CHUNKS_PER_SLOT;
            if (slot > 5 && slot != 12) revert ChunkIndexOutOfRange(index);
        }
        return list.compose(MEMORY_HEIGHT, zeros);
    }

    /// A big-endian number of `length` bytes.
    function _number(bytes calldata tasks, uint256 place, uint256 length) private pure returns (uint256 value) {
        if (place + length > tasks.length) revert TaskTooShort();
        // Assembly because Solidity has no calldataload at a computed offset. The bytes are within tasks.
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, length)), calldataload(add(tasks.offset, place)))
        }
    }

    /// Room for this many words and for the padding of rootOfWords: the memory address of the first.
    function _allocateLeaves(uint256 capacity) private pure returns (uint256 leaves) {
        // Assembly to allocate without writing zeros over the room: only what is written is read.
        assembly ("memory-safe") {
            leaves := mload(0x40)
            mstore(0x40, add(leaves, shl(5, add(capacity, 3))))
        }
    }

    /// index is below the capacity.
    function _setLeaf(uint256 leaves, uint256 index, bytes32 leaf) private pure {
        // Assembly to write to allocated memory without a bounds check.
        assembly ("memory-safe") {
            mstore(add(leaves, shl(5, index)), leaf)
        }
    }

    function _isOverdue(Direct storage task) private view returns (bool) {
        return block.timestamp > task.submittedAt + FORCE_DELAY;
    }

    // Views

    function directFee(uint64 stepLimit) public view returns (uint256) {
        return (stepLimit + STEPS_PER_UNIT - 1) / STEPS_PER_UNIT * FEE_PER_UNIT;
    }

    function limits() external view returns (Limits memory) {
        return Limits({
            forceDelaySeconds: uint64(FORCE_DELAY),
            maxDriftSeconds: uint64(MAX_DRIFT),
            maxTaskSteps: uint64(MAX_TASK_STEPS),
            maxBatchSteps: uint64(MAX_BATCH_STEPS),
            replaySeconds: replaySeconds,
            feePerUnit: uint128(FEE_PER_UNIT)
        });
    }

    function freeSteps() external view returns (uint64) {
        return uint64(_freeSteps(_cursor));
    }

    function batchCount() external view returns (uint64) {
        return _cursor.batchCount;
    }

    function directQueue() external view returns (uint64 head, uint64 tail) {
        return (_cursor.queueHead, _cursor.queueTail);
    }
}
