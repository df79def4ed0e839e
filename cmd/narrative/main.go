// Narrative, ready-made: the batteries, and nothing of anybody's own. A program with classes of its own looks the
// same, with theirs registered beside the batteries.
package main

import (
	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
	"github.com/narrative-go/narrative/batteries/heartbeat"
	"github.com/narrative-go/narrative/batteries/http"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/cli"
)

// version is set by the linker: -ldflags "-X main.version=1.2.3".
var version string

func main() {
	reg := narrative.NewRegistry()
	datums.Register(reg)
	heartbeat.Register(reg)
	http.Register(reg)
	sql.Register(reg)

	cli.Main(reg, append(embedded(), cli.WithVersion(version))...)
}
