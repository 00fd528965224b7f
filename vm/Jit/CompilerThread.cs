namespace Optimistic.Vm.Jit;

/// <summary>
/// The thread that compiles regions while machines go on in tier 0: one a process, started by the first request; the process
/// ends without waiting for it. Which tier executes an instruction, and so when a region
/// is ready, changes no result.
/// </summary>
internal static class CompilerThread
{
    /// <summary>Requests that wait. One that finds no room is dropped: its place is still hot, and asks again.</summary>
    public const int MaxRequests = 64;

    private static readonly Lock Gate = new();
    private static readonly List<Request> Waiting = [];
    private static readonly SemaphoreSlim Requested = new(0);
    private static bool _isStarted;

    /// <summary>
    /// Has <paramref name="compile"/> called for <paramref name="spot"/> on the thread, the hottest first. What it throws
    /// is thrown in whoever runs <paramref name="text"/> next.
    /// </summary>
    /// <returns>Whether there was room.</returns>
    public static bool TryRequest(CompiledText text, Spot spot, Action<Spot> compile)
    {
        lock (Gate)
        {
            if (Waiting.Count == MaxRequests)
                return false;

            Waiting.Add(new Request(text, spot, compile));
            if (!_isStarted)
            {
                _isStarted = true;
                new Thread(Work) { IsBackground = true, Name = "region compiler" }.Start();
            }
        }

        Requested.Release();
        return true;
    }

    private static void Work()
    {
        while (true)
        {
            Requested.Wait();
            Request request = TakeHottest();
            try
            {
                request.Compile(request.Spot);
            }
            catch (Exception error)
            {
                request.Text.Fail(error);
            }

            request.Spot.IsRequested = false;
        }
    }

    private static Request TakeHottest()
    {
        lock (Gate)
        {
            int hottest = 0;
            for (int i = 1; i < Waiting.Count; i++)
            {
                if (Waiting[i].Spot.Count > Waiting[hottest].Spot.Count)
                    hottest = i;
            }

            Request request = Waiting[hottest];
            Waiting.RemoveAt(hottest);
            return request;
        }
    }

    private sealed record Request(CompiledText Text, Spot Spot, Action<Spot> Compile);
}
