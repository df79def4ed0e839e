package devserver

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute/sadefs"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ensureNamespace creates the namespace or brings it to the options' retention and search attributes. It works on the
// file before the server is started, so that the server knows all of it from its first moment; that is sound because
// the stamp says that the very same version of the server wrote the row.
func (s *store) ensureNamespace(ctx context.Context, o Options) (err error) {
	db, err := sql.NewSQLDB(sqlplugin.DbKindMain, s.sql, resolver.NewNoopResolver(), log.NewNoopLogger(),
		metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &o.Namespace})
	if errors.Is(err, stdsql.ErrNoRows) || err == nil && len(rows) == 0 {
		return s.createNamespace(o)
	}
	if err != nil {
		return err
	}
	row := rows[0]
	codec := serialization.NewSerializer()
	detail, err := codec.NamespaceDetailFromBlob(persistence.NewDataBlob(row.Data, row.DataEncoding))
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	wanted := proto.Clone(detail).(*persistencespb.NamespaceDetail)
	if err := configure(wanted.GetConfig(), o); err != nil {
		return err
	}
	if proto.Equal(wanted, detail) {
		return nil
	}
	blob, err := codec.NamespaceDetailToBlob(wanted)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	if _, err := db.UpdateNamespace(ctx, &row); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// createNamespace adds a namespace as the options want it.
func (s *store) createNamespace(o Options) error {
	ns, err := sqliteschema.NewNamespaceConfig(clusterName, o.Namespace, false, nil)
	if err != nil {
		return err
	}
	if err := configure(ns.Detail.GetConfig(), o); err != nil {
		return err
	}
	return sqliteschema.CreateNamespaces(s.sql, ns)
}

// configure sets the retention and adds the search attributes that are absent. An attribute is a name given to one of
// the columns that the SQL store has for each type.
func configure(c *persistencespb.NamespaceConfig, o Options) error {
	c.Retention = durationpb.New(o.Retention)
	if c.CustomSearchAttributeAliases == nil {
		c.CustomSearchAttributeAliases = map[string]string{}
	}
	columnOf := map[string]string{}
	for column, name := range c.CustomSearchAttributeAliases {
		columnOf[name] = column
	}
	types := sadefs.GetDBIndexSearchAttributes(nil).GetCustomSearchAttributes()
	for _, name := range slices.Sorted(maps.Keys(o.SearchAttributes)) {
		want := o.SearchAttributes[name]
		if column, ok := columnOf[name]; ok {
			if types[column] != want {
				return fmt.Errorf("search attribute %s exists as %s; expected %s", name, types[column], want)
			}
			continue
		}
		column, err := freeColumn(types, c.CustomSearchAttributeAliases, want)
		if err != nil {
			return fmt.Errorf("add search attribute %s: %w", name, err)
		}
		c.CustomSearchAttributeAliases[column] = name
	}
	return nil
}

// freeColumn returns the first column of a type that has no name yet.
func freeColumn(types map[string]enumspb.IndexedValueType, taken map[string]string, want enumspb.IndexedValueType,
) (string, error) {
	for _, column := range slices.Sorted(maps.Keys(types)) {
		if _, ok := taken[column]; !ok && types[column] == want {
			return column, nil
		}
	}
	return "", fmt.Errorf("the server has no room for another attribute of type %s", want)
}
