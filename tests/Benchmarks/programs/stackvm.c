/* stackvm - an interpreter for a stack machine, threaded by computed goto, and one with a table of functions; both run
 * the same programs: primes by trial division, and a recursive function. */
#include "checksum.h"

enum operation { PUSH, LOAD, STORE, ADD, SUB, MUL, MOD, LESS, JUMP, JUMP_IF_ZERO, CALL, RETURN, DUPLICATE, SWAP, HALT, OPERATIONS };

struct vm {
    const int32_t *code;
    int64_t *stack, locals[16];
    int32_t pc;
    int64_t sp;
};

static int64_t stack[4096];

static int64_t run_threaded(const int32_t *code)
{
    static const void *const labels[OPERATIONS] = { &&push, &&load, &&store, &&add, &&sub, &&mul, &&mod, &&less, &&jump, &&jump_if_zero, &&call, &&ret, &&duplicate, &&swap, &&halt };
    int64_t locals[16] = { 0 }, *sp = stack;
    const int32_t *pc = code;
#define NEXT goto *labels[*pc++]
    NEXT;
push: *sp++ = *pc++; NEXT;
load: *sp++ = locals[*pc++]; NEXT;
store: locals[*pc++] = *--sp; NEXT;
add: sp--; sp[-1] += *sp; NEXT;
sub: sp--; sp[-1] -= *sp; NEXT;
mul: sp--; sp[-1] *= *sp; NEXT;
mod: sp--; sp[-1] %= *sp; NEXT;
less: sp--; sp[-1] = sp[-1] < *sp; NEXT;
jump: pc = code + *pc; NEXT;
jump_if_zero: pc = *--sp ? pc + 1 : code + *pc; NEXT;
call: *sp = sp[-1]; sp[-1] = pc + 1 - code; sp++; pc = code + *pc; NEXT;
ret: sp--; pc = code + sp[-1]; sp[-1] = *sp; NEXT;
duplicate: *sp = sp[-1]; sp++; NEXT;
swap: { int64_t top = sp[-1]; sp[-1] = sp[-2]; sp[-2] = top; } NEXT;
halt: return sp[-1];
}

typedef int handler(struct vm *vm);

static int do_push(struct vm *vm) { vm->stack[vm->sp++] = vm->code[vm->pc++]; return 1; }
static int do_load(struct vm *vm) { vm->stack[vm->sp++] = vm->locals[vm->code[vm->pc++]]; return 1; }
static int do_store(struct vm *vm) { vm->locals[vm->code[vm->pc++]] = vm->stack[--vm->sp]; return 1; }
static int do_add(struct vm *vm) { vm->sp--; vm->stack[vm->sp - 1] += vm->stack[vm->sp]; return 1; }
static int do_sub(struct vm *vm) { vm->sp--; vm->stack[vm->sp - 1] -= vm->stack[vm->sp]; return 1; }
static int do_mul(struct vm *vm) { vm->sp--; vm->stack[vm->sp - 1] *= vm->stack[vm->sp]; return 1; }
static int do_mod(struct vm *vm) { vm->sp--; vm->stack[vm->sp - 1] %= vm->stack[vm->sp]; return 1; }
static int do_less(struct vm *vm) { vm->sp--; vm->stack[vm->sp - 1] = vm->stack[vm->sp - 1] < vm->stack[vm->sp]; return 1; }
static int do_jump(struct vm *vm) { vm->pc = vm->code[vm->pc]; return 1; }
static int do_jump_if_zero(struct vm *vm) { vm->pc = vm->stack[--vm->sp] ? vm->pc + 1 : vm->code[vm->pc]; return 1; }
static int do_call(struct vm *vm)
{
    vm->stack[vm->sp] = vm->stack[vm->sp - 1];
    vm->stack[vm->sp++ - 1] = vm->pc + 1;
    vm->pc = vm->code[vm->pc];
    return 1;
}
static int do_return(struct vm *vm)
{
    vm->sp--;
    vm->pc = (int32_t)vm->stack[vm->sp - 1];
    vm->stack[vm->sp - 1] = vm->stack[vm->sp];
    return 1;
}
static int do_duplicate(struct vm *vm) { vm->stack[vm->sp] = vm->stack[vm->sp - 1]; vm->sp++; return 1; }
static int do_swap(struct vm *vm)
{
    int64_t top = vm->stack[vm->sp - 1];
    vm->stack[vm->sp - 1] = vm->stack[vm->sp - 2];
    vm->stack[vm->sp - 2] = top;
    return 1;
}
static int do_halt(struct vm *vm) { (void)vm; return 0; }

static int64_t run_table(const int32_t *code)
{
    static handler *const handlers[OPERATIONS] = { do_push, do_load, do_store, do_add, do_sub, do_mul, do_mod, do_less, do_jump, do_jump_if_zero, do_call, do_return, do_duplicate, do_swap, do_halt };
    struct vm vm = { .code = code, .stack = stack };
    while (handlers[code[vm.pc++]](&vm))
        ;
    return vm.stack[vm.sp - 1];
}

/* ---- Assembler ---- */

static int32_t code[256];
static int length;

static void emit(enum operation operation) { code[length++] = operation; }

static int emit_with(enum operation operation, int32_t operand)
{
    code[length++] = operation;
    code[length++] = operand;
    return length - 1; /* where the operand is, to be patched */
}

/* Leaves the number of primes below limit. */
static void assemble_primes(int32_t limit)
{
    enum { N, D, COUNT };
    length = 0;
    emit_with(PUSH, 2);
    emit_with(STORE, N);
    int outer = length;
    emit_with(LOAD, N);
    emit_with(PUSH, limit);
    emit(LESS);
    int done = emit_with(JUMP_IF_ZERO, 0);
    emit_with(PUSH, 2);
    emit_with(STORE, D);
    int inner = length;
    emit_with(LOAD, N);
    emit_with(LOAD, D);
    emit(DUPLICATE);
    emit(MUL);
    emit(LESS); /* n < d * d */
    int divide = emit_with(JUMP_IF_ZERO, 0);
    emit_with(LOAD, COUNT);
    emit_with(PUSH, 1);
    emit(ADD);
    emit_with(STORE, COUNT);
    int counted = emit_with(JUMP, 0);
    code[divide] = length;
    emit_with(LOAD, N);
    emit_with(LOAD, D);
    emit(MOD);
    int divisible = emit_with(JUMP_IF_ZERO, 0);
    emit_with(LOAD, D);
    emit_with(PUSH, 1);
    emit(ADD);
    emit_with(STORE, D);
    emit_with(JUMP, inner);
    code[counted] = code[divisible] = length;
    emit_with(LOAD, N);
    emit_with(PUSH, 1);
    emit(ADD);
    emit_with(STORE, N);
    emit_with(JUMP, outer);
    code[done] = length;
    emit_with(LOAD, COUNT);
    emit(HALT);
}

/* Leaves the nth Fibonacci number. A call puts the return address below its argument. */
static void assemble_fibonacci(int32_t n)
{
    length = 0;
    emit_with(PUSH, n);
    int call = emit_with(CALL, 0);
    emit(HALT);
    int function = code[call] = length;
    emit(DUPLICATE);
    emit_with(PUSH, 2);
    emit(LESS);
    int deeper = emit_with(JUMP_IF_ZERO, 0);
    emit(RETURN);
    code[deeper] = length;
    emit(DUPLICATE);
    emit_with(PUSH, 1);
    emit(SUB);
    emit_with(CALL, function);
    emit(SWAP);
    emit_with(PUSH, 2);
    emit(SUB);
    emit_with(CALL, function);
    emit(ADD);
    emit(RETURN);
}

int main(void)
{
    assemble_primes(1000);
    require(run_threaded(code) == 168);
    assemble_fibonacci(20);
    require(run_table(code) == 6765);
    for (int turn = 0; turn < SIZE; turn++) {
        assemble_primes(4000 + turn);
        int64_t count = run_threaded(code);
        require(count == run_table(code));
        mix((uint64_t)count);
        assemble_fibonacci(17 + turn % 3);
        int64_t number = run_threaded(code);
        require(number == run_table(code));
        mix((uint64_t)number);
    }
    return finish("stackvm");
}
