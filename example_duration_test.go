package narrative_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

func ExampleDuration() {
	var policy struct {
		TTL narrative.Duration `json:"ttl"`
	}
	if err := json.Unmarshal([]byte(`{"ttl": "1d12h"}`), &policy); err != nil {
		fmt.Println(err)
	}
	fmt.Println(time.Duration(policy.TTL), policy.TTL)

	_, err := narrative.ParseDuration("5")
	fmt.Println(err)
	// Output:
	// 36h0m0s 1d12h
	// "5" is not a duration such as 90s, 5m, 1h or 30d
}

func ExampleParseCron() {
	c, err := narrative.ParseCron("*/20 9-17 * * mon-fri")
	fmt.Println(c.ShortestGap(), err)

	_, err = narrative.ParseCron("0 0 31 feb *")
	fmt.Println(err)
	// Output:
	// 20m0s <nil>
	// cron "0 0 31 feb *" never fires: no such day in any year
}
