using System.Diagnostics;

namespace Optimistic.Vm.Jit;

/// <summary>
/// A program's text as tier 0 executes it: blocks of <see cref="ThreadedOp"/>, decoded when control first comes to them and
/// linked to each other as it goes on. An instruction has one op, so a jump into a block goes into its middle. Safe for
/// many threads: ops change by single writes only, and old and new are both right.
/// </summary>
internal sealed unsafe class ThreadedText
{
    /// <summary>Ops that a text may have; what is executed beyond them is interpreted.</summary>
    public const int MaxOps = 1 << 22;

    /// <summary>A JALR is asked for so many targets that differ from the one before, then no more.</summary>
    private const int MaxSamples = 512;

    private readonly CompiledText _text;
    private readonly ulong _end;
    private readonly Reservation _map, _ops;
    private readonly Lock _decoding = new();
    private int _count;

    /// <exception cref="MemoryReservationException">The system has no address space for it.</exception>
    public ThreadedText(CompiledText text, ulong end)
    {
        _text = text;
        _end = end;
        _map = new Reservation(Math.Max(end / 2, 1) * (ulong)sizeof(ThreadedOp*));
        _ops = new Reservation((ulong)MaxOps * ThreadedOp.Size);
    }

    private ThreadedOp** Map => (ThreadedOp**)_map.Pointer;

    /// <summary>The op at <paramref name="pc"/>, in the text; null when there is no room for it.</summary>
    public ThreadedOp* At(ulong pc)
    {
        ThreadedOp* op = (ThreadedOp*)Volatile.Read(ref ((nint*)Map)[pc >> 1]);
        return op != null ? op : Decode(pc);
    }

    /// <summary>As <see cref="At"/>, but null, too, where there is none yet.</summary>
    public ThreadedOp* Find(ulong pc) => (ThreadedOp*)Volatile.Read(ref ((nint*)Map)[pc >> 1]);

    /// <summary>
    /// Runs from <paramref name="op"/> to the end of <paramref name="budget"/>, or to what is not linked, left to the interpreter,
    /// hot, or compiled.
    /// </summary>
    /// <param name="frame">The machine: its pc is not read, but written.</param>
    /// <param name="data">Byte 0 of its memory.</param>
    /// <param name="op">Where the machine is.</param>
    /// <param name="budget">Steps that may be made: no less than those of the op.</param>
    /// <returns>Steps that were not made.</returns>
    public long Run(MachineFrame* frame, byte* data, ThreadedOp* op, long budget)
    {
        Debug.Assert(budget >= op->Steps);
        frame->Exit.Map = Map;
        frame->Exit.End = _end;
        long left = ((delegate*<ThreadedOp*, MachineHead*, byte*, long, long>)op->Handler)(op, &frame->Head, data, budget - op->Steps);
        ThreadedOp* at = frame->Exit.At;
        frame->Head.Control.Pc = at->Kind == ThreadedKind.Indirect ? frame->Exit.Pc : (ulong)at->Pc;
        return left + at->Steps;
    }

    /// <summary>Links what a run came from to where it went: <paramref name="at"/> is the op that was due, <paramref name="pc"/> its address.</summary>
    public void Link(ThreadedOp* at, ulong pc)
    {
        if (at->Kind is ThreadedKind.Instruction or ThreadedKind.Stop || !_text.Contains(pc))
            return;

        Spot spot = _text.At(pc);
        if (at->Kind == ThreadedKind.Indirect)
            Sample(at, pc);

        // What is compiled is entered by the runner.
        if (spot.Code is not null)
            return;

        ThreadedOp* target = At(pc);
        if (target == null)
            return;

        switch (at->Kind)
        {
            case ThreadedKind.Next:
                Write(&at->Target, target);
                break;
            case ThreadedKind.Target:
                Write(&at->Target->Target, target);
                break;
            case ThreadedKind.Indirect:
                Write(&at->Target, target);
                break;
            case ThreadedKind.Fall:
                Write(&at->Target, target);
                Volatile.Write(ref at->Handler, ThreadedHandlers.Fall);
                break;
        }
    }

    /// <summary>Has a hot block run in pairs of instructions from <paramref name="op"/> on.</summary>
    public void Pair(ThreadedOp* op)
    {
        while (op->Kind == ThreadedKind.Instruction && op[1].Kind == ThreadedKind.Instruction)
        {
            Instruction first = _text.Fetch((ulong)op->Pc), second = _text.Fetch((ulong)op[1].Pc);
            nint pair = 0;
            if (ThreadedEmitter.CanPair(first.Operation, second.Operation))
                pair = ThreadedHandlers.Of(first.Operation, second.Operation, ThreadedEmitter.LinksOf(first, second));
            if (pair != 0)
                Volatile.Write(ref op->Handler, pair);
            op += pair != 0 ? 2 : 1;
        }
    }

    /// <summary>Makes runs stop at <paramref name="pc"/>, where there is compiled code now.</summary>
    public void Leave(ulong pc)
    {
        ThreadedOp* op = Find(pc);
        if (op != null)
            Volatile.Write(ref op->Handler, ThreadedHandlers.Exit);
    }

    private static void Write(ThreadedOp** to, ThreadedOp* value) => Volatile.Write(ref *(nint*)to, (nint)value);

    private void Sample(ThreadedOp* at, ulong pc)
    {
        ThreadedOp* jalr = at - 1;
        _text.Site((ulong)jalr->Pc).Add(pc);
        if (--at->Count < 0)
            Volatile.Write(ref jalr->Handler, ThreadedHandlers.ClosedJalr);
    }

    private ThreadedOp* Decode(ulong start)
    {
        lock (_decoding)
        {
            ThreadedOp* done = Find(start);
            if (done != null)
                return done;

            // Up to a jump, or to what is decoded.
            int steps = 0;
            ulong end = start;
            Instruction last;
            do
            {
                last = _text.Fetch(end);
                if (IsInterpreted(last.Operation))
                    break;
                steps++;
                end += last.Length;
            }
            while (!IsJump(last.Operation) && steps < JitLimits.MaxBlockLength && _text.Contains(end) && Find(end) == null);

            // A jump, the most, has two ops behind it.
            if (_count + steps + 3 > MaxOps)
                return null;

            ThreadedOp* first = (ThreadedOp*)_ops.Pointer + _count, op = first;
            ulong pc = start;
            for (int left = steps; left > 0; left--)
            {
                Instruction i = _text.Fetch(pc);
                Make(op, i, pc, left);
                op++;
                pc += i.Length;
            }

            op = Finish(op, last, pc);
            _count += (int)(op - first);

            // Whoever finds an op may run from it.
            pc = start;
            for (ThreadedOp* at = first; at < first + steps; at++)
            {
                Publish(pc, at);
                pc += _text.Fetch(pc).Length;
            }

            if (steps == 0)
                Publish(start, first);
            return first;
        }
    }

    private void Publish(ulong pc, ThreadedOp* op)
    {
        Write(Map + (pc >> 1), op);
        // Compiled while it was decoded, or before.
        if (_text.Find(pc) is { Code: not null })
            Leave(pc);
    }

    private void Make(ThreadedOp* op, Instruction i, ulong pc, int steps)
    {
        *op = new ThreadedOp
        {
            Handler = ThreadedHandlers.Of(i.Operation),
            Value = i.Operation == Operation.Auipc ? (long)pc + i.Immediate : i.Immediate,
            Rd = (byte)(i.Rd == 0 ? RegisterFile.Count : i.Rd),
            Rs1 = (byte)i.Rs1,
            Rs2 = (byte)(i.Operation is Operation.Jal or Operation.Jalr ? (int)i.Length : i.Rs2),
            Kind = ThreadedKind.Instruction,
            Steps = steps,
            Count = _text.Limits.Threshold - 1,
            Pc = (int)pc,
        };
    }

    /// <summary>Makes what is behind the last instruction of a block.</summary>
    /// <param name="op">Where to.</param>
    /// <param name="last">That instruction, or the first one that is left to the interpreter.</param>
    /// <param name="pc">The address behind it, or of it.</param>
    private static ThreadedOp* Finish(ThreadedOp* op, Instruction last, ulong pc)
    {
        ThreadedOp* jump = op - 1;
        if (IsInterpreted(last.Operation))
        {
            op = Leave(op, ThreadedKind.Stop, pc);
        }
        else if (!IsJump(last.Operation))
        {
            op = Leave(op, ThreadedKind.Fall, pc);
        }
        else if (last.Operation == Operation.Jalr)
        {
            op = Leave(op, ThreadedKind.Indirect, pc);
            jump[1].Count = MaxSamples;
            // No op of the map, nor null, which stands for none there.
            jump[1].Target = jump + 1;
        }
        else
        {
            ulong target = pc - last.Length + (ulong)last.Immediate;
            if (last.Operation != Operation.Jal)
            {
                op = Leave(op, ThreadedKind.Next, pc);
                jump[1].Target = jump + 1;
            }

            jump->Target = op;
            op = Leave(op, ThreadedKind.Target, target);
            op[-1].Target = jump;
        }

        return op;
    }

    private static ThreadedOp* Leave(ThreadedOp* op, ThreadedKind kind, ulong pc)
    {
        *op = new ThreadedOp { Handler = ThreadedHandlers.Exit, Kind = kind, Pc = (int)pc, Count = int.MaxValue };
        return op + 1;
    }

    private static bool IsJump(Operation operation) => operation is >= Operation.Jal and <= Operation.Bgeu;

    private static bool IsInterpreted(Operation operation) => operation is Operation.Illegal or Operation.Ecall or Operation.Ebreak;
}
