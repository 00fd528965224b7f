using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Optimistic.Vm.Trace;

/// <summary>Receives the 1024 leaves of a piece, valid during the call only, and the node of height 5 over them.</summary>
internal delegate void PieceHashed(ReadOnlySpan<Word> leaves, Word root);

/// <summary>
/// Runs a machine in windows and hashes its root after every step: memory roots from <see cref="MemoryHistory"/>, registers replayed
/// from a copy every 1024 steps, on all cores; and one of them runs the next window meanwhile.
/// </summary>
/// <remarks>
/// Every processor takes the next job when it has done one: at first running the machine on, then the tasks of the memory's stages,
/// which wait for one another; where they do, the registers of a piece, from the last one on; and in the end the leaves.
/// </remarks>
internal sealed unsafe class WindowHasher : IDisposable
{
    private const int PieceSteps = WindowLog.PieceSteps;

    /// <summary>Pieces hashed before they are handed over in order.</summary>
    private const int MaxPieces = WindowLog.MaxSteps / PieceSteps;

    private const int BatchNodes = 64;

    private readonly Machine _machine;
    private readonly ForgedWord? _forged;
    private readonly MemoryHistory _history;
    private readonly NativeArena _arena = new((ulong)WindowLog.MaxSteps * (Word.Length + (2 * (ulong)sizeof(Word*))));
    private readonly Word* _leaves;
    private readonly Word** _lowGroups, _highGroups;
    private readonly Word[] _pieceRoots = new Word[MaxPieces];
    private readonly Stack<RegisterHashes> _registerHashes = [];
    private WindowLog _log = new(), _next = new();
    private Word _firstMemoryRoot;

    // Who has what to do, under the lock. Pieces whose registers are being hashed, or have been, are the last ones.
    private readonly Lock _lock = new();
    private readonly bool[] _hasRegisters = new bool[MaxPieces];
    private int _pieces, _piecesWithoutRegisters, _leafPieces, _stage, _stageTasks, _stageTasksDone;
    private bool _isNextTaken;
    private ExceptionDispatchInfo? _failure;

    /// <summary>The machine's memory belongs to this object until it is disposed of.</summary>
    public WindowHasher(Machine machine, ForgedWord? forged)
    {
        _machine = machine;
        _forged = forged;
        _history = new MemoryHistory(machine.Memory);
        _leaves = _arena.Take<Word>(WindowLog.MaxSteps);
        _lowGroups = (Word**)_arena.Take<nint>(WindowLog.MaxSteps);
        _highGroups = (Word**)_arena.Take<nint>(WindowLog.MaxSteps);
    }

    private enum Job
    {
        Next,
        Memory,
        Registers,
        Leaves,
    }

    /// <summary>The machine root after the last step hashed.</summary>
    public Word LastRoot { get; private set; }

    /// <summary>Runs the window that is hashed next, of at most <paramref name="maxSteps"/> steps, which starts with step <paramref name="firstStep"/> of the chunk.</summary>
    /// <returns>Steps made, fewer only when the machine has stopped.</returns>
    public int Run(ulong firstStep, int maxSteps) => Run(_log, firstStep, maxSteps);

    /// <summary>
    /// Hashes the window that was run last, and hands over its pieces in order; the last one is filled up with the last root. Runs the
    /// next window, of at most <paramref name="nextSteps"/> steps, meanwhile.
    /// </summary>
    /// <returns>Steps of the next window.</returns>
    public int HashPieces(ulong nextStep, int nextSteps, PieceHashed handOver)
    {
        int steps = _log.Steps;
        _firstMemoryRoot = _history.Root;
        _history.Begin(_log);
        foreach (RegisterHashes hashes in _registerHashes)
            hashes.Clear();

        Array.Clear(_hasRegisters);
        _pieces = _piecesWithoutRegisters = (steps + PieceSteps - 1) / PieceSteps;
        _stage = _stageTasks = _stageTasksDone = _leafPieces = 0;
        _isNextTaken = nextSteps == 0;
        _next.Steps = 0;
        if (_pieces > 1)
            Parallel.For(0, Environment.ProcessorCount, _ => Work(nextStep, nextSteps));
        else
            Work(nextStep, nextSteps);
        _failure?.Throw();

        if (steps > 0)
            LastRoot = _leaves[steps - 1];
        for (int piece = 0; piece < _pieces; piece++)
            handOver(new ReadOnlySpan<Word>(_leaves + (piece * PieceSteps), PieceSteps), _pieceRoots[piece]);

        (_log, _next) = (_next, _log);
        return _log.Steps;
    }

    public void Dispose()
    {
        _log.Dispose();
        _next.Dispose();
        _history.Dispose();
        _arena.Dispose();
        foreach (RegisterHashes hashes in _registerHashes)
            hashes.Dispose();
    }

    private int Run(WindowLog log, ulong firstStep, int maxSteps)
    {
        log.Begin(_machine.Head);
        if (_forged is { } lie && lie.Step >= firstStep && lie.Step - firstStep < (ulong)maxSteps)
        {
            ulong before = lie.Step + 1 - firstStep;
            if (Execute(log, before) == before)
            {
                Forge(log, lie);
                Execute(log, (ulong)maxSteps - before);
            }
        }
        else
        {
            Execute(log, (ulong)maxSteps);
        }

        log.End(_machine.Head);
        return log.Steps;
    }

    private ulong Execute(WindowLog log, ulong maxSteps)
    {
        NoTracer tracer = default;
        var state = new TracedState(_machine, ref tracer, log, _history);
        ulong steps = Interpreter.Execute(ref state, maxSteps);
        GC.KeepAlive(_machine);
        return steps;
    }

    private void Forge(WindowLog log, in ForgedWord lie)
    {
        if (_machine.Memory.ReadWord(lie.Index) == lie.Value)
            return;

        _history.Prepare(lie.Index);
        _machine.Memory.WriteWord(lie.Index, lie.Value);
        log.Write(lie.Index, lie.Value);
    }

    /// <summary>What each processor does: jobs, until none is left to be taken.</summary>
    private void Work(ulong nextStep, int nextSteps)
    {
        RegisterHashes? registers = null;
        try
        {
            while (Take() is (Job job, int number))
            {
                switch (job)
                {
                    case Job.Next:
                        Run(_next, nextStep, nextSteps);
                        break;
                    case Job.Memory:
                        _history.Do(_stage, number);
                        break;
                    case Job.Registers:
                        HashRegisters(number, registers ??= Rent());
                        break;
                    case Job.Leaves:
                        if (!_hasRegisters[number])
                            HashRegisters(number, registers ??= Rent());
                        HashLeaves(number);
                        break;
                }

                Finish(job, number);
            }
        }
        catch (Exception error)
        {
            lock (_lock)
                _failure ??= ExceptionDispatchInfo.Capture(error);
        }
        finally
        {
            if (registers is not null)
            {
                lock (_lock)
                    _registerHashes.Push(registers);
            }
        }
    }

    private RegisterHashes Rent()
    {
        lock (_lock)
            return _registerHashes.TryPop(out RegisterHashes? hashes) ? hashes : new RegisterHashes();
    }

    /// <summary>The next job; null when all are taken, or one has failed.</summary>
    private (Job Job, int Number)? Take()
    {
        var wait = new SpinWait();
        while (true)
        {
            lock (_lock)
            {
                if (_failure is not null)
                    return null;

                if (!_isNextTaken)
                {
                    _isNextTaken = true;
                    return (Job.Next, 0);
                }

                if (_stage < _history.Stages)
                {
                    if (_stageTasks < _history.TasksOf(_stage))
                        return (Job.Memory, _stageTasks++);

                    if (_piecesWithoutRegisters > 0)
                        return (Job.Registers, --_piecesWithoutRegisters);
                }
                else if (_leafPieces == _pieces)
                {
                    return null;
                }
                else if (_leafPieces < _piecesWithoutRegisters || _hasRegisters[_leafPieces])
                {
                    // With its registers, if nobody has them: they are the first ones then.
                    return (Job.Leaves, _leafPieces++);
                }
            }

            // For a job of somebody else, which takes microseconds.
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }

    private void Finish(Job job, int number)
    {
        lock (_lock)
        {
            if (job == Job.Registers)
            {
                _hasRegisters[number] = true;
            }
            else if (job == Job.Memory && ++_stageTasksDone == _history.TasksOf(_stage))
            {
                _stage++;
                _stageTasks = _stageTasksDone = 0;
            }
        }
    }

    private void HashLeaves(int piece)
    {
        // The root after step t is the quad of the memory root after the last write up to t, both register groups, and control.
        int first = piece * PieceSteps, count = Math.Min(PieceSteps, _log.Steps - first), write = LastWriteBefore(first);
        Word firstRoot = _firstMemoryRoot;
        Word* leaves = _leaves + first, memoryRoots = _history.Roots;
        byte** children = stackalloc byte*[4 * BatchNodes];
        Word* controls = stackalloc Word[BatchNodes];
        for (int start = 0; start < count; start += BatchNodes)
        {
            int batch = Math.Min(BatchNodes, count - start);
            for (int i = 0; i < batch; i++)
            {
                int t = first + start + i;
                while (write + 1 < _log.Writes && _log.WriteSteps[write + 1] <= t)
                    write++;

                *(ControlWord*)(controls + i) = _log.ControlAfter(t);
                children[4 * i] = (byte*)(write < 0 ? &firstRoot : memoryRoots + write);
                children[(4 * i) + 1] = (byte*)_lowGroups[t];
                children[(4 * i) + 2] = (byte*)_highGroups[t];
                children[(4 * i) + 3] = (byte*)(controls + i);
            }

            Keccak.Gather(children, (byte*)(leaves + start), batch);
        }

        // Only the last piece of a machine that has stopped is not full.
        new Span<Word>(leaves + count, PieceSteps - count).Fill(leaves[count - 1]);

        ReadOnlySpan<Word> level = new(leaves, PieceSteps);
        Word* nodes = stackalloc Word[PieceSteps / 4];
        for (int length = PieceSteps / 4; length > 0; length /= 4)
        {
            var parents = new Span<Word>(nodes, length);
            Keccak.Nodes(level, parents);
            level = parents;
        }

        _pieceRoots[piece] = level[0];
    }

    /// <summary>Hashes the states that each group of 16 registers has in a piece, and notes where the hash is that it has after each step.</summary>
    private void HashRegisters(int piece, RegisterHashes hashes)
    {
        int first = piece * PieceSteps, count = Math.Min(PieceSteps, _log.Steps - first);
        hashes.BeginPiece(_log.Pieces + piece);
        byte* changed = _log.Registers + first;
        ulong* results = _log.Results + first;
        Word** low = _lowGroups + first, high = _highGroups + first;
        for (int i = 0; i < count; i++)
        {
            hashes.Set(changed[i], results[i]);
            low[i] = hashes.Low;
            high[i] = hashes.High;
        }

        hashes.EndPiece();
    }

    /// <summary>The last write before a step, or -1.</summary>
    private int LastWriteBefore(int step)
    {
        int low = 0, high = _log.Writes;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_log.WriteSteps[middle] < step)
                low = middle + 1;
            else
                high = middle;
        }

        return low - 1;
    }

    /// <summary>
    /// Hashes of groups of 16 registers, of one thread. Loops come back to the same registers: a state that was met lately is not hashed
    /// again.
    /// </summary>
    private sealed class RegisterHashes : IDisposable
    {
        private const int GroupRegisters = RegisterFile.Count / 2, GroupLength = GroupRegisters * sizeof(ulong);

        /// <summary>States met in a piece at most.</summary>
        private const int MaxPieceStates = PieceSteps + 2;

        /// <summary>States that are remembered: their 256 KiB stay in the second-level cache.</summary>
        private const int MaxStates = 1 << 11;

        private const int TableBits = 12;

        /// <summary>Bits of an entry of the table that are a state's number and 1.</summary>
        private const uint NumberBits = (2 * MaxStates) - 1;

        private readonly NativeArena _arena = new(
            (MaxStates * (ulong)GroupLength) + (MaxPieces * (ulong)MaxPieceStates * Word.Length) + (sizeof(uint) << TableBits) + (RegisterFile.Count * 2 * sizeof(ulong)));

        // States, and from _hashes on the hash of each; those from _hashed on are still to be hashed.
        private readonly byte* _states;
        private readonly Word* _allHashes;
        private Word* _hashes;
        private int _count, _hashed;

        // By the top bits of a group's sum: other bits of it, and 1 + the number of a state.
        private readonly uint* _table;

        // The registers, the odd factors by which they go into their group's sum, and of each group the sum and the state.
        private readonly ulong* _registers, _factors;
        private ulong _lowSum, _highSum;
        private int _low, _high;

        public RegisterHashes()
        {
            _states = _arena.Take<byte>(MaxStates * GroupLength);
            _allHashes = _arena.Take<Word>(MaxPieces * MaxPieceStates);
            _table = _arena.Take<uint>(1 << TableBits);
            _registers = _arena.Take<ulong>(RegisterFile.Count);
            _factors = _arena.Take<ulong>(RegisterFile.Count);
            _hashes = _allHashes;
            // The golden ratio's multiples are far from each other.
            for (int register = 0; register < RegisterFile.Count; register++)
                _factors[register] = (0x9E37_79B9_7F4A_7C15 * (ulong)((2 * register) + 1)) | 1;
        }

        /// <summary>Where the hash of x0..x15 is at the end of the piece.</summary>
        public Word* Low => _hashes + _low;

        /// <summary>Where that of x16..x31 is.</summary>
        public Word* High => _hashes + _high;

        /// <summary>Forgets all hashes, before a window.</summary>
        public void Clear()
        {
            _hashes = _allHashes;
            Forget();
        }

        public void BeginPiece(RegisterFile* registers)
        {
            if (_count + MaxPieceStates > MaxStates)
            {
                _hashes += _count;
                Forget();
            }

            *(RegisterFile*)_registers = *registers;
            _lowSum = _highSum = 0;
            for (int register = 0; register < GroupRegisters; register++)
            {
                _lowSum += _registers[register] * _factors[register];
                _highSum += _registers[register + GroupRegisters] * _factors[register + GroupRegisters];
            }

            _low = Find(0, _lowSum, (byte*)_registers);
            _high = Find(GroupRegisters, _highSum, (byte*)(_registers + GroupRegisters));
        }

        /// <summary>A register becomes <paramref name="value"/>; or stays as it is, if it is x0.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Set(int register, ulong value)
        {
            ulong change = value - _registers[register];
            if (change == 0 || register == 0)
                return;

            _registers[register] = value;
            change *= _factors[register];
            if (register < GroupRegisters)
                _low = Find(register, _lowSum += change, _states + (_low * GroupLength));
            else
                _high = Find(register, _highSum += change, _states + (_high * GroupLength));
        }

        /// <summary>Hashes what is new.</summary>
        public void EndPiece()
        {
            Keccak.Nodes(_states + (_hashed * GroupLength), (byte*)(_hashes + _hashed), _count - _hashed);
            _hashed = _count;
        }

        public void Dispose() => _arena.Dispose();

        private void Forget()
        {
            _count = _hashed = 0;
            new Span<uint>(_table, 1 << TableBits).Clear();
        }

        /// <summary>The number of the state that a register's group is in, which differs in that register at most from <paramref name="before"/>.</summary>
        private int Find(int register, ulong sum, byte* before)
        {
            uint* entry = _table + (sum >> (64 - TableBits));
            uint tag = (uint)(sum >> 16) & ~NumberBits;
            if ((*entry & ~NumberBits) == tag && (*entry & NumberBits) is > 0 and var number &&
                new ReadOnlySpan<byte>(_states + ((number - 1) * GroupLength), GroupLength).SequenceEqual(new ReadOnlySpan<byte>(_registers + (register & ~(GroupRegisters - 1)), GroupLength)))
            {
                return (int)number - 1;
            }

            // From the state before: a register that was written just now is slow to be read together with others.
            byte* state = _states + (_count * GroupLength);
            Unsafe.CopyBlockUnaligned(state, before, GroupLength);
            ((ulong*)state)[register % GroupRegisters] = _registers[register];
            *entry = tag | (uint)(_count + 1);
            return _count++;
        }
    }
}
