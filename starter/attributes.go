package starter

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/narrative-go/narrative/workflows"
)

// MissingAttributes returns the search attributes that the namespace lacks, in the order of
// [workflows.AttributeNames].
func MissingAttributes(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, fmt.Errorf("list the search attributes of namespace %s: %w", namespace, unavailable(err))
	}
	missing := []string{}
	for _, name := range workflows.AttributeNames {
		if _, ok := have.CustomAttributes[name]; !ok {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// MakeAttributes makes the search attributes that the namespace lacks and returns their names.
func MakeAttributes(ctx context.Context, c client.Client, namespace string) ([]string, error) {
	missing, err := MissingAttributes(ctx, c, namespace)
	if err != nil || len(missing) == 0 {
		return missing, err
	}
	types := map[string]enumspb.IndexedValueType{}
	for _, name := range missing {
		types[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: types})
	if err != nil {
		return nil, fmt.Errorf("make the search attributes of namespace %s: %w", namespace, unavailable(err))
	}
	return missing, nil
}
