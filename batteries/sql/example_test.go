package sql_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	databases "database/sql"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/sql"
)

func ExampleRegister() {
	dir, err := os.MkdirTemp("", "shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.db")
	db, err := databases.Open("sqlite", path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE invoices AS SELECT 7 AS id, 120 AS total, 100 AS lines_total"); err != nil {
		fmt.Println(err)
		return
	}

	reg := narrative.NewRegistry()
	sql.Register(reg)
	args, _ := json.Marshal(sql.Args{
		DSN:        "sqlite:" + path,
		Violations: "SELECT id, total, lines_total FROM invoices WHERE total <> lines_total",
		Record:     &sql.RecordArgs{Type: "invoice", ID: "id"},
	})
	assertion, err := reg.Assertion(sql.Class, args)
	if err != nil {
		fmt.Println(err)
		return
	}
	for v, err := range assertion.(narrative.RecordAssertion).Violations(context.Background()) {
		fmt.Println(v.Summary, err)
	}
	// Output: invoice 7: total=120, lines_total=100 <nil>
}
