package pgtest

import "syscall"

// endWithUs has the kernel end the child when this process dies, be it by a panic or a kill.
func endWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }

// locale is one that knows the letters of every script and sorts by bytes.
func locale() string { return "C.UTF-8" }
