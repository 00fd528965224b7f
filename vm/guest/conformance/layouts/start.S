# start.S - the least that a C program needs without the SDK: gp, main, and the two ecalls.

    .section .text.start, "ax"
    .globl _start, _exit, write
_start:
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    call    main
_exit:
    li      a1, 0
    li      a7, 93
    ecall
write:
    li      a7, 64
    ecall
    ret
