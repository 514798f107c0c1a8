//! Functions that compute, and do nothing else.
//!
//! A list of what is dangerous would never be whole: extensions, foreign
//! wrappers and a database's own procedures have any name. So this lists what
//! is not, and a policy can add to it (`functions`).

const COMPUTE: &str = "
    abs acos age any_value array_agg array_append array_cat array_length array_lower array_position
    array_prepend array_remove array_replace array_to_json array_to_string array_upper ascii asin
    atan atan2 avg bit_and bit_count bit_length bit_or bit_xor bool_and bool_or btrim cardinality
    cbrt ceil ceiling changes char char_length character_length chr clock_timestamp coalesce concat
    concat_ws convert_tz corr cos cot count covar_pop covar_samp cume_dist curdate current_catalog current_date
    current_role current_schema current_user session_user
    current_time current_timestamp curtime date date_add date_bin date_diff date_format date_part
    date_sub date_trunc datediff datetime day dayname dayofmonth dayofweek dayofyear decode degrees
    dense_rank div elt encode every exp extract field find_in_set first_value floor format
    from_unixtime generate_series generate_subscripts gcd glob greatest group_concat grouping hex
    hour if ifnull iif initcap instr is_valid_json isfinite isnull json json_agg json_array
    json_array_elements json_array_elements_text json_array_length json_arrayagg json_build_array
    json_build_object json_contains json_contains_path json_depth json_each json_each_text
    json_extract json_extract_path json_extract_path_text json_group_array json_group_object
    json_keys json_length json_object json_object_agg json_object_keys json_objectagg json_patch
    json_pretty json_quote json_remove json_replace json_search json_set json_strip_nulls json_tree
    json_type json_typeof json_unquote json_valid json_value jsonb jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
    jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys
    jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_pretty jsonb_set jsonb_strip_nulls
    jsonb_typeof julianday justify_days justify_hours justify_interval lag last_day last_value
    lcase lcm lead least left length like likelihood likely ln localtime localtimestamp locate log
    log10 log2 lower lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz
    makedate max md5 median microsecond mid min minute mod mode month monthname now nth_value ntile
    nullif num_nonnulls num_nulls octet_length ord overlay percent_rank percentile_cont
    percentile_disc period_add period_diff phraseto_tsquery pi plainto_tsquery position pow power
    printf quarter quote quote_ident quote_literal quote_nullable radians random rank regexp_count
    regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
    regexp_split_to_table regexp_substr repeat replace reverse right round row row_number
    row_to_json rpad rtrim scale sec_to_time second sha1 sha2 sha224 sha256 sha384 sha512
    sign sin space split_part sqlite_version sqrt starts_with statement_timestamp std stddev
    stddev_pop stddev_samp str_to_date strcmp strftime string_agg string_to_array string_to_table
    strpos subdate adddate substr substring substring_index sum tan tanh time time_format
    time_to_sec timediff timeofday timestamp timestampadd timestampdiff timezone to_char to_date
    to_days to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector total transaction_timestamp
    translate trim trunc truncate ts_headline ts_rank ts_rank_cd typeof ucase unicode unhex unistr
    unix_timestamp unixepoch unlikely unnest upper utc_date utc_time utc_timestamp var_pop var_samp
    variance version week weekday weekofyear websearch_to_tsquery width_bucket year yearweek zeroblob
";

/// Whether a function of this name, in lower case, only computes.
pub(super) fn computes(name: &str) -> bool {
    COMPUTE.split_ascii_whitespace().any(|known| known == name)
}
