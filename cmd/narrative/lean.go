//go:build lean

package main

import "github.com/narrative-go/narrative/cli"

// embedded leaves the Temporal server out: dev then needs TEMPORAL_ADDRESS.
func embedded() []cli.Option { return nil }
