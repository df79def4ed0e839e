//go:build !lean

package main

import (
	"github.com/narrative-go/narrative/cli"
	"github.com/narrative-go/narrative/devserver"
)

// embedded gives dev its Temporal server.
func embedded() []cli.Option { return []cli.Option{cli.WithEmbedded(devserver.Embedded)} }
