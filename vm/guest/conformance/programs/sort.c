/* sort - quicksort, heapsort and merge sort of the same numbers must agree. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 12000
#endif

static uint32_t input[SIZE], quick[SIZE], heap[SIZE], merge[SIZE], spare[SIZE];

static void quicksort(uint32_t *a, long low, long high)
{
    while (low < high) {
        uint32_t pivot = a[low + (high - low) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                uint32_t swapped = a[i];
                a[i++] = a[j];
                a[j--] = swapped;
            }
        }
        if (j - low < high - i) {
            quicksort(a, low, j);
            low = i;
        } else {
            quicksort(a, i, high);
            high = j;
        }
    }
}

static void sift(uint32_t *a, long root, long count)
{
    uint32_t value = a[root];
    for (long child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && a[child + 1] > a[child])
            child++;
        if (a[child] <= value)
            break;
        a[root] = a[child];
    }
    a[root] = value;
}

static void heapsort_numbers(uint32_t *a, long count)
{
    for (long i = count / 2; i-- > 0;)
        sift(a, i, count);
    for (long i = count - 1; i > 0; i--) {
        uint32_t largest = a[0];
        a[0] = a[i];
        a[i] = largest;
        sift(a, 0, i);
    }
}

static void mergesort_numbers(uint32_t *a, long count)
{
    for (long width = 1; width < count; width *= 2) {
        for (long start = 0; start < count; start += 2 * width) {
            long middle = start + width < count ? start + width : count;
            long end = start + 2 * width < count ? start + 2 * width : count;
            for (long i = start, j = middle, k = start; k < end; k++)
                spare[k] = j == end || (i < middle && a[i] <= a[j]) ? a[i++] : a[j++];
        }
        memcpy(a, spare, (size_t)count * sizeof *a);
    }
}

int main(void)
{
    for (long i = 0; i < SIZE; i++)
        input[i] = (uint32_t)(next_random() >> (i % 3 ? 32 : 52));
    memcpy(quick, input, sizeof input);
    memcpy(heap, input, sizeof input);
    memcpy(merge, input, sizeof input);
    quicksort(quick, 0, SIZE - 1);
    heapsort_numbers(heap, SIZE);
    mergesort_numbers(merge, SIZE);
    for (long i = 0; i < SIZE; i++) {
        require(quick[i] == heap[i] && quick[i] == merge[i]);
        require(i == 0 || quick[i - 1] <= quick[i]);
        mix(quick[i]);
    }
    return finish("sort");
}
