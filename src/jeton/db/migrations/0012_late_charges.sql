-- A charge whose usage nobody knew (unconfirmed: its server was gone) may become known once, when that
-- server comes back with what it kept. Every other change of a charge is refused, as before.

DROP TRIGGER charges_are_facts ON charges;
CREATE TRIGGER charges_are_facts BEFORE DELETE OR TRUNCATE ON charges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_known_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'unconfirmed' AND NEW.state = 'settled'
        AND (NEW.request_id, NEW.organization_id, NEW.workspace_id, NEW.key_id, NEW.model, NEW.upstream,
             NEW.price_version_id, NEW.is_rehearsal, NEW.held_nano, NEW.hold_transaction_id, NEW.held_at)
          = (OLD.request_id, OLD.organization_id, OLD.workspace_id, OLD.key_id, OLD.model, OLD.upstream,
             OLD.price_version_id, OLD.is_rehearsal, OLD.held_nano, OLD.hold_transaction_id, OLD.held_at)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'charges are facts: they are never changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER charges_become_known_once BEFORE UPDATE ON charges
    FOR EACH ROW EXECUTE FUNCTION refuse_known_charge();

CREATE FUNCTION write_late_charges(late json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
BEGIN
    UPDATE charges AS c SET
        state = 'settled', rule_id = n.rule_id, list_nano = n.list_nano, net_nano = n.net_nano,
        overrun_nano = n.net_nano, lines = n.lines, draws = n.draws, transaction_id = n.transaction_id,
        ended_at = n.ended_at
    FROM json_populate_recordset(NULL::charges, late) AS n
    WHERE c.request_id = n.request_id AND c.state = 'unconfirmed';
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> json_array_length(late) THEN
        RAISE serialization_failure USING MESSAGE = 'somebody else made one of these charges known meanwhile';
    END IF;
END $$;
