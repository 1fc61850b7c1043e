-- A lease is an open hold of a node, out of which it carves the holds of requests: the only hold whose
-- amount changes. It has no model and no price.

CREATE INDEX holds_leases ON holds (organization_id) WHERE request_id LIKE 'lease\_%';

CREATE FUNCTION write_leases(leases json) RETURNS void LANGUAGE sql AS $$
    UPDATE holds AS h SET amount_nano = n.amount_nano, draws = n.draws, valid_until = n.valid_until
    FROM json_populate_recordset(NULL::holds, leases) AS n WHERE h.request_id = n.request_id;
$$;
