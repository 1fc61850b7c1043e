-- Sums of whole numbers as a whole number. sum(bigint) adds up in numeric, which takes several times as long and ends
-- with a conversion; pages of many buckets are made of tens of thousands of such sums. What does not fit a bigint is
-- an error here as it was there.
CREATE AGGREGATE whole_sum(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE);
