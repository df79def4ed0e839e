//go:build !linux

package pgtest

import "syscall"

// endWithUs does nothing where the kernel cannot: the server ends when Main stops it.
func endWithUs(*syscall.SysProcAttr) {}

// locale is one that every system has.
func locale() string { return "C" }
