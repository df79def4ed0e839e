package http_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/narrative-go/narrative"
	httpbattery "github.com/narrative-go/narrative/batteries/http"
)

func ExampleRegister() {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"queue": {"depth": 170}}`)
	}))
	defer shop.Close()

	reg := narrative.NewRegistry()
	httpbattery.Register(reg)
	args, _ := json.Marshal(httpbattery.Args{URL: shop.URL, JSON: "body.queue.depth < 100"})
	assertion, err := reg.Assertion(httpbattery.Class, args)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := assertion.(narrative.Assertion).Check(context.Background())
	fmt.Println(v.Passed, v.Reason, v.Details["status"], err)
	// Output: false json 200 <nil>
}
